"""The types of `gate_checks` as expectations of Great Expectations, for its suites to use.

Defining such a class makes the library know its type, under the name in small letters. Imported by
`gate_engine` alone, as it imports Great Expectations.
"""

from __future__ import annotations

from typing import Any

from great_expectations.expectations.expectation import BatchExpectation

from boardpack.errors import RunError
from boardpack.gate_types import COUNTS, FILLED, HOURS, LATE, MEANS, MIN_CHANGE, SHARES


class _Own(BatchExpectation):
    """One that is answered by the `gate_checks.Checks` of the engine it is evaluated on."""

    @classmethod
    def is_abstract(cls) -> bool:
        """Whether it is only a base of others."""
        return cls.__name__.startswith("_")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        checks = getattr(execution_engine, "checks", None)
        if checks is None:
            raise RunError(f"{self.expectation_type} runs on a slice of Boardpack alone.")
        given = {name: value for name, value in self.configuration.kwargs.items() if value}
        found = checks.find(self.expectation_type, {**given, "type": self.expectation_type})
        return {
            "success": not found.unexpected,
            "result": {
                "observed_value": None,
                "details": {"found": found},
            },
        }


class ExpectRowCountToFollowItsHistory(_Own):
    """Rows by day, week or month are as many as the past lets expect, for each member of ``by``."""

    column: str
    by: str = ""
    min_change: float = MIN_CHANGE[COUNTS]
    settled: int = 0


class ExpectColumnMeanToFollowItsHistory(_Own):
    """The mean of a column is what the past lets expect."""

    column: str
    over: str
    min_change: float = MIN_CHANGE[MEANS]
    settled: int = 0


class ExpectColumnSharesToFollowTheirHistory(_Own):
    """Each member of a column, and what is empty, has the share that the past lets expect."""

    column: str
    over: str
    min_change: float = MIN_CHANGE[SHARES]
    settled: int = 0


class ExpectHoursOfDayToFollowTheirHistory(_Own):
    """The mean hour of the day is what the past lets expect: no other time zone."""

    column: str
    min_change: float = MIN_CHANGE[HOURS]
    settled: int = 0


class ExpectLatenessToFollowItsHistory(_Own):
    """No larger share of rows than usual is recorded over a day after it happened."""

    column: str
    min_change: float = MIN_CHANGE[LATE]
    settled: int = 0


class ExpectTextToBeClean(_Own):
    """No text has space around it, stands for nothing, or was read in a wrong encoding."""

    column_list: list[str] = []  # noqa: RUF012


class ExpectNoRowAfterTheAsOf(_Own):
    """No row was recorded that happens only after the as-of."""

    column: str
    mostly: float = 1.0


class ExpectTotalToAgreeWithItsControl(_Own):
    """Rows, or the sum of a column, agree by month with the total that another system reported."""

    column: str
    measure: str
    adds: str = ""
    tolerance: float = 0.0
    against: str = "source"


class ExpectNoRowToBeRepeated(_Own):
    """No row is there a second time, with another key and all else the same."""

    column: str
    mostly: float = 1.0


class ExpectColumnToBeFilledAsUsual(_Own):
    """No more rows than usual lack a value that not every row has."""

    column: str
    over: str
    min_change: float = MIN_CHANGE[FILLED]
    settled: int = 0
