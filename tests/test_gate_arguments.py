"""A suite that uses a type of our own wrongly stops the load, with file, line and what is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from boardpack.errors import DefinitionError, UnknownNameError, UserError
from boardpack.gate_suites import load_suites
from boardpack.gate_types import (
    AFTER,
    CONTROL,
    COUNTS,
    FILLED,
    HOURS,
    LATE,
    MEANS,
    OWN,
    REPEATED,
    SHARES,
    TEXT,
)
from boardpack.source_files import load
from boardpack.sources import Sources
from boardpack.workspace import SUITE, Workspace

#: Right arguments of each type, for invoices and sessions.
RIGHT: dict[str, dict[str, Any]] = {
    COUNTS: {"column": "issued_on", "by": "region", "min_change": 0.3, "settled": 7},
    MEANS: {"column": "amount", "over": "issued_on", "min_change": 1.5},
    SHARES: {"column": "segment", "over": "issued_on", "min_change": 0.05},
    LATE: {"column": "issued_on"},
    FILLED: {"column": "due_on", "over": "issued_on", "min_change": 0.2},
    REPEATED: {"column": "issued_on", "mostly": 0.99},
    TEXT: {"column_list": ["status"]},
    AFTER: {"column": "issued_on"},
    CONTROL: {"column": "issued_on", "measure": "invoices", "adds": "amount", "tolerance": 0.02,
              "against": "warehouse"},
}  # fmt: skip
META = {"dimension": "accuracy", "owner": "finance", "at_stake": "Revenue."}


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


def written(folder: Path, type_: str, kwargs: dict[str, Any], source: str = "invoices") -> Path:
    """A suite in which each argument stands on a line of its own, the first on line 7."""
    arguments = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in kwargs.items())
    path = folder / f"{source}.json"
    path.write_text(
        f'{{\n "name": "{source}",\n "expectations": [\n  {{\n   "type": "{type_}",\n'
        f'   "kwargs": {{\n{arguments}\n   }},\n   "severity": "warning",\n'
        f'   "meta": {json.dumps(META)}\n  }}\n ]\n}}\n',
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("type_", RIGHT)
def test_right_arguments_are_read(tmp_path: Path, declared: Sources, type_: str) -> None:
    written(tmp_path, type_, RIGHT[type_])
    [expectation] = load_suites([tmp_path], [declared["invoices"]])["invoices"].expectations
    assert (expectation.type, dict(expectation.kwargs)) == (type_, RIGHT[type_])
    assert {*RIGHT, HOURS} == set(OWN)


def test_hours_are_those_of_a_moment(tmp_path: Path, declared: Sources) -> None:
    written(tmp_path, HOURS, {"column": "started_at"}, "sessions")
    assert load_suites([tmp_path], [declared["sessions"]])["sessions"].expectations
    written(tmp_path, HOURS, {"column": "issued_on"})
    with pytest.raises(DefinitionError, match="'issued_on', which is date") as caught:
        load_suites([tmp_path], [declared["invoices"]])
    assert caught.value.hint == "name a column of type timestamp"


#: type, what is changed in its arguments, the line, words of the message, words of the hint
MISTAKES: list[tuple[str, dict[str, Any], int, str, str]] = [
    (COUNTS, {"by": "regoin"}, 8, "Unknown column of invoices 'regoin'", "did you mean 'region'"),
    (COUNTS, {"by": 3}, 8, "Unknown column of invoices '3'", "known: "),
    (COUNTS, {"by": ["region"]}, 8, "Unknown column of invoices", ""),
    (COUNTS, {"column": "isued_on"}, 7, "'isued_on'", "did you mean 'issued_on'"),
    (COUNTS, {"column": "amount"}, 7, "column of expect_row_count_to_follow_its_history is "
     "'amount', which is decimal.", "name a column of type date or timestamp"),
    (COUNTS, {"min_change": 0}, 9, "min_change is 0.", "above 0 and below 1"),
    (COUNTS, {"min_change": -0.2}, 9, "min_change is -0.2.", "above 0 and below 1"),
    (COUNTS, {"min_change": 1}, 9, "min_change is 1.", "above 0 and below 1"),
    (COUNTS, {"min_change": 20}, 9, "min_change is 20.", "such as 0.2 for a fifth"),
    (COUNTS, {"min_change": "0.2"}, 9, "min_change is '0.2'.", "above 0 and below 1"),
    (COUNTS, {"min_change": True}, 9, "min_change is True.", "above 0 and below 1"),
    (COUNTS, {"settled": -1}, 10, "settled is -1.", "number of newest days"),
    (COUNTS, {"settled": 0.5}, 10, "settled is 0.5.", "number of newest days"),
    (COUNTS, {"setled": 7}, 11, "Unknown argument of expect_row_count_to_follow_its_history "
     "'setled'", "did you mean 'settled'"),
    (MEANS, {"column": "status"}, 7, "'status', which is string", "int or bigint or decimal"),
    (MEANS, {"over": "amount"}, 8, "'amount', which is decimal", "date or timestamp"),
    (MEANS, {"min_change": 0}, 9, "min_change is 0.", "write a share above 0, such as"),
    (SHARES, {"column": "sgement"}, 7, "Unknown column of invoices", "did you mean 'segment'"),
    (SHARES, {"min_change": 1.5}, 9, "min_change is 1.5.", "below 1"),
    (FILLED, {"over": "status"}, 8, "'status', which is string", "date or timestamp"),
    (FILLED, {"min_change": 20}, 9, "min_change is 20.", "above 0 and below 1"),
    (REPEATED, {"column": "amount"}, 7, "'amount', which is decimal", "date or timestamp"),
    (REPEATED, {"mostly": 99}, 8, "mostly is 99, expected a share", ""),
    (TEXT, {"column_list": ["status", "amount"]}, 7, "'amount', which is decimal", "string"),
    (TEXT, {"column_list": ["status", "sttus"]}, 7, "Unknown column of invoices 'sttus'",
     "did you mean 'status'"),
    (AFTER, {"column": "due_on"}, 7, "rows of invoices are placed by issued_on, not by due_on",
     '"column": "issued_on"'),
    (CONTROL, {"measure": ""}, 8, "measure is ''.", "a measure of source_reconciliations"),
    (CONTROL, {"measure": 7}, 8, "measure is 7.", "a measure of source_reconciliations"),
    (CONTROL, {"adds": "status"}, 9, "'status', which is string", "decimal"),
    (CONTROL, {"adds": "amuont"}, 9, "Unknown column of invoices", "did you mean 'amount'"),
    (CONTROL, {"tolerance": 2}, 10, "tolerance is 2.", "0.02 for two percent"),
    (CONTROL, {"tolerance": -0.1}, 10, "tolerance is -0.1.", "from 0 to below 1"),
    (CONTROL, {"against": "sources"}, 11, "against is 'sources'.", "write source"),
    (CONTROL, {"mesure": "invoices"}, 12, "Unknown argument of expect_total_to_agree_with_its_"
     "control 'mesure'", "did you mean 'measure'"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "change", "line", "message", "hint"), MISTAKES)
def test_a_wrong_argument_is_named_with_its_place(
    tmp_path: Path,
    declared: Sources,
    type_: str,
    change: dict[str, Any],
    line: int,
    message: str,
    hint: str,
) -> None:
    path = written(tmp_path, type_, {**RIGHT[type_], **change})
    with pytest.raises(UserError) as caught:
        load_suites([tmp_path], [declared["invoices"]])
    assert isinstance(caught.value, DefinitionError | UnknownNameError)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file, caught.value.line) == (str(path), line)


def test_a_measure_that_is_left_out_is_missed(tmp_path: Path, declared: Sources) -> None:
    path = written(tmp_path, CONTROL, {"column": "issued_on"})
    with pytest.raises(DefinitionError, match="lacks the argument 'measure'") as caught:
        load_suites([tmp_path], [declared["invoices"]])
    assert (caught.value.file, caught.value.line) == (str(path), 6)


def test_lateness_needs_the_moment_of_recording(tmp_path: Path, declared: Sources) -> None:
    source = next(
        s for s in declared.declared.values()
        if s.time and not s.recorded_at and not s.derived_from
    )  # fmt: skip
    written(tmp_path, LATE, {"column": source.time}, source.id)
    with pytest.raises(DefinitionError, match="does not say when its rows were recorded") as caught:
        load_suites([tmp_path], [source])
    assert "recorded_at:" in (caught.value.hint or "")
