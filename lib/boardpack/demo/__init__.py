"""The demo company: DataInsight Pro, three years (2023 to 2025) of a B2B software company.

`generate` writes its 54 tables to a DuckDB file. Every row is drawn from the hash of its own key
and the seed, so that a seed and a scale always give the same rows. Accounts, revenue, invoices,
trials, tickets, surveys and the ledger are always complete; ``scale`` is the share of users whose
sessions, events, objects and workflow runs are kept, of website visitors, and of the buckets that
requests are counted in. Hosts are measured every hour at any scale, but see the sessions that are
kept.

These stories are planted for the reports to find (`boardpack.demo.story` has days and strengths):

========  ======================================================================================
2023-01   120 founding customers; those on annual plans decide for the first time in 2024-01
2024-04   a financing round of 16 M, half a year before the cash would have run out
2025-03   small customers pay 16 % more: price expansion in March, and until the end of April
          twice the usual churn and several times the contraction in segment smb
2025-06   the AI assistant is launched: DAU/MAU and advanced analytics rise and stay up, the add-on
          brings cross-sell expansion for months
2025-08   a competitor (C3) begins to undercut: from then on deals are lost to it, head to head
2025-09   an advertising push: far more visits (most of them paid), leads and trials, of which fewer
          than usual are qualified or convert; CAC and the cost of a lead rise
2025-10   on the 14th Europe is down for 345 minutes and slow until the 21st: uptime, error rate,
          p95 and tickets of the region; NPS there until 2025-11-24; no events are loaded
          meanwhile, and hosts are busier and workflows fail more often until the 21st; what was
          being set up for customers there ends eleven days later
2025-11   on the 14th the largest European customer leaves: churned MRR of enterprise
========  ======================================================================================

What holds to the cent, at any seed and scale: the MRR bridge in every month and segment, MRR of the
subscriptions in force and the annual value of the contracts in force against the movements at the
end of every day, deals won against their contracts, marketing spend against the ledger, invoices
against their lines, successful payments against paid invoices, cash receipts against payments, and
the cash bridge. So do the story points of every sprint against its items, concurrent sessions
against the sessions, and customers scored each Sunday against those in force. Whoever owns, sells
or enters something is an employee, who is there on that day.
Ledger revenue is recognised revenue rounded once a month, segment and kind of line. Two rows in a
hundred are recorded late, none after 2025-12-31.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from boardpack.demo import (
    activities,
    adoption,
    automation,
    billing,
    capacity,
    company,
    contracts,
    controls,
    delivery,
    draws,
    finance,
    growth,
    initiatives,
    market,
    market_size,
    marketing,
    pipelines,
    platform,
    product,
    projects,
    revenue,
    sales,
    staff,
    success,
    support,
)
from boardpack.errors import StorageError, UserError
from boardpack.files import reason, sync

__all__ = ["generate"]


def generate(
    path: Path,
    *,
    scale: float = 0.1,
    seed: int = 7,
    progress: Callable[[str], None] | None = None,
) -> dict[str, int]:
    """Write the demo company to the DuckDB file ``path`` and say how many rows each table has.

    The file is made beside ``path`` and then takes its place, so that whoever reads ``path`` finds
    the old company or the new one. ``progress`` is told what is being made. `UserError` for a scale
    that cannot be, `StorageError` when the file cannot be written; what was there then stays.
    """
    if not 0 < scale <= 100:
        raise UserError(f"the scale {scale:g} cannot be.", hint="a number above 0, up to 100")
    if abs(seed) >= 2**63:
        raise UserError(f"the seed {seed} is too long.", hint="a whole number of 18 digits or less")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            made = Path(folder) / path.name
            counts = _write(made, seed, scale, progress or _silent)
            sync(made)
            made.replace(path)
        sync(path.parent)
    except (OSError, duckdb.IOException) as error:
        why = reason(error) if isinstance(error, OSError) else str(error).splitlines()[0]
        raise StorageError(
            f"the demo company could not be written: {why}. What was there stays.", file=path
        ) from error
    return counts


def _write(path: Path, seed: int, scale: float, progress: Callable[[str], None]) -> dict[str, int]:
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{str(path).replace(chr(39), chr(39) * 2)}' AS out")
        draws.prepare(con, seed=seed, scale=scale)
        progress("accounts and trials")
        company.build(con)
        progress("subscriptions and MRR")
        revenue.build(con)
        progress("opportunities and contracts")
        sales.build(con)
        contracts.build(con)
        progress("invoices and payments")
        billing.build(con)
        progress("users, sessions and events")
        product.build(con)
        adoption.build(con)
        progress("website visits")
        growth.build(con)
        progress("tickets and surveys")
        support.build(con)
        progress("requests and uptime")
        platform.build(con, scale=scale)
        progress("ledger and cash")
        finance.build(con)
        progress("leads, touches and marketing spend")
        marketing.build(con)
        progress("machines, jobs and workflows")
        capacity.build(con)
        automation.build(con)
        pipelines.build(con)
        progress("work items and customer health")
        delivery.build(con)
        success.build(con)
        market.build(con)
        market_size.build(con)
        progress("initiatives and insights")
        initiatives.build(con)
        progress("employees and their work")
        staff.build(con)
        activities.build(con)
        projects.build(con)
        progress("control totals")
        controls.build(con)
        tables = con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'out' ORDER BY table_name"
        ).fetchall()
        counts = {}
        for (table,) in tables:
            row = con.execute(f'SELECT count(*) FROM out."{table}"').fetchone()
            counts[table] = row[0] if row else 0
        con.execute("DETACH out")
    return counts


def _silent(_what: str) -> None:
    """Nobody asked."""
