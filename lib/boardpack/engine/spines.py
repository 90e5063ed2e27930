"""The periods of a statement beside the buckets that each of its windows looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boardpack.engine.definitions import Measure
from boardpack.engine.selects import values
from boardpack.engine.windows import Buckets, Window
from boardpack.periods import Period


@dataclass(frozen=True)
class Spine:
    """The periods, each with a range of buckets for every window; windows alike share theirs."""

    ranges: tuple[tuple[tuple[int, int], ...], ...]
    of_window: Mapping[Window, int]
    name: str

    @classmethod
    def of(
        cls, windows: Sequence[Window], periods: Sequence[Period], buckets: Buckets, name: str
    ) -> Spine:
        """The ranges of these windows; ``name`` is that of its CTE."""
        found: dict[tuple[tuple[int, int], ...], int] = {}
        of_window = {}
        for window in windows:
            days = [window.days(period) for period in periods]
            ranges = tuple((buckets.number(low), buckets.number(high)) for low, high in days)
            of_window[window] = found.setdefault(ranges, len(found))
        return cls(tuple(found), of_window, name)

    @property
    def sql(self) -> str:
        """A row a period, written out."""
        names = ["p", *(f"{edge}{i}" for i in range(len(self.ranges)) for edge in ("lo", "hi"))]
        periods = enumerate(zip(*self.ranges, strict=True))
        return values(names, [[p, *(n for pair in pairs for n in pair)] for p, pairs in periods])

    def used(self, measures: Mapping[Measure, str]) -> list[int]:
        """The numbers of these measures' ranges."""
        return sorted({self.of_window[measure.window] for measure in measures})

    def single(self, number: int) -> bool:
        """Whether the range is one bucket for every period."""
        return all(high - low == 1 for low, high in self.ranges[number])

    def given(self, number: int, used: Sequence[int], value: str) -> str:
        """``value`` of the buckets in a range; the join has seen to it where there is one only."""
        if len(used) == 1:
            return value
        return f"CASE WHEN b.bucket >= s.lo{number} AND b.bucket < s.hi{number} THEN {value} END"

    def joined(self, table: str, used: Sequence[int]) -> str:
        """The FROM with every bucket beside the periods that look at it."""
        low = ", ".join(f"s.lo{i}" for i in used)
        high = ", ".join(f"s.hi{i}" for i in used)
        if len(used) > 1:
            low, high = f"LEAST({low})", f"GREATEST({high})"
        elif self.single(used[0]):
            return f"FROM {self.name} AS s JOIN {table} AS b ON b.bucket = {low}"
        return f"FROM {self.name} AS s JOIN {table} AS b ON b.bucket >= {low} AND b.bucket < {high}"
