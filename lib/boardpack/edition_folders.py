"""Where editions lie: a folder a report, period, segment and revision, and who may write there."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from boardpack.calendars import is_label
from boardpack.errors import PeriodError, ReportError
from boardpack.ledger import Ledger
from boardpack.locks import lock

#: What may name a folder of editions or of a run.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


#: The folder of a revision.
REVISION = re.compile(r"r([1-9]\d*)")


#: How long to wait for another publication.
PUBLISHING_SECONDS = 60.0


def running(
    root: Path, report: str, period: str, segment: str = "", wait: float = 0.0
) -> AbstractContextManager[None]:
    """The lock a run holds from its first step to its last: one run per report, period and segment.

    `BusyError` names the process that holds it, after ``wait`` seconds; it ends with that process.
    """
    place = edition_folder(report, period, segment, 1).parent
    return lock(
        root / ".locks" / f"{place}.lock", f"A run of {name_of(report, period, segment)}", wait
    )


def publishing(root: Path, wait: float = PUBLISHING_SECONDS) -> AbstractContextManager[None]:
    """The lock under which editions appear; hold it to write the index from the ledger."""
    return lock(root / ".locks" / "publishing.lock", "A publication", wait)


def edition_folder(report: str, period: str, segment: str, revision: int) -> PurePosixPath:
    """Where an edition lies below ``var/editions``; `ReportError` or `PeriodError` for a bad name.

    >>> str(edition_folder("monthly", "2025-12", "smb", 2))
    'monthly/2025-12/smb/r2'
    >>> str(edition_folder("monthly", "2025-12", "../r1", 1))
    'monthly/2025-12/%2E.%2Fr1/r1'
    """
    if NAME.fullmatch(report) is None:
        raise ReportError(
            f"{report!r} cannot name a folder of editions.",
            hint="use letters, digits, '-', '_' and '.', a letter or digit first",
        )
    if not is_label(period):
        raise PeriodError(f"{period!r} is not how a period is written.")
    place = PurePosixPath(report, period)
    if segment:
        place /= _segment_folder(segment)
    return place / f"r{revision}"


def next_revision(root: Path, ledger: Ledger, report: str, period: str, segment: str = "") -> int:
    """One more than the highest revision that the ledger or the disk knows.

    It stays the next one for as long as the caller holds `running`.
    """
    return highest_revision(root, ledger, report, period, segment) + 1


def _segment_folder(segment: str) -> str:
    # Quoting keeps different members apart; a member must also not look hidden or like a revision.
    name = quote(segment, safe=" ()")
    if name.startswith(".") or REVISION.fullmatch(name):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return name


def name_of(report: str, period: str, segment: str) -> str:
    """What a person calls a report of a period, and of a segment."""
    return f"{report} {period}" + (f" ({segment})" if segment else "")


def highest_revision(root: Path, ledger: Ledger, report: str, period: str, segment: str) -> int:
    """The highest revision that the ledger or the disk knows; 0 before the first."""
    known = ledger.latest(report, period, segment)
    parent = root / edition_folder(report, period, segment, 1).parent
    names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    on_disk = [int(match[1]) for match in map(REVISION.fullmatch, names) if match]
    return max([known.revision if known else 0, *on_disk])
