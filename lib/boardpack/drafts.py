"""Drafts: the mappings of a new workspace, written from guesses, each guess marked in the SQL.

A mark is a comment of SQL: ``-- guess 0.88: why`` for what is likely, ``-- question: what`` for
what only a person can say. `boardpack doctor` lists the marks until they are deleted.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from boardpack.dialects import quoted, quoted_text
from boardpack.discovery import Table
from boardpack.guesses import DEFAULTS, Guess, evidence
from boardpack.profiles import Profile
from boardpack.sources import Source
from boardpack.vocabulary import same_value

_ATTRIBUTES = {
    "account_name": "account_name", "segment": "segment", "region": "region",
    "country": "country", "industry": "industry", "channel": "acquisition_channel",
}  # fmt: skip
_CENTS = {"cent", "cents", "ct", "cts", "minor", "pence", "rappen", "centimes"}


@dataclass(frozen=True)
class Draft:
    """A file of ``sources/`` to be written."""

    source: str
    sql: str
    notes: str
    head: str


@dataclass(frozen=True)
class _Out:
    """One column of a select, with its mark."""

    sql: str
    name: str
    mark: str = ""


def view(
    found: Guess, table: Table, profiles: Sequence[Profile], paths: Sequence[str], idle: int = 0
) -> str:
    """SQL that reads a table with every column as what it holds; ``line`` numbers its rows.

    ``idle`` is the number of rows with neither a date nor an amount, which are left out.

    What several mappings share is here alone, so that a question is answered in one place.
    """
    outs = [_Out("row_number() OVER ()", "line")]
    taken = {profile.name for profile in profiles}
    if "line" in taken:
        outs = [_Out("row_number() OVER ()", "line_number")]
    money = {
        match.column.name for role, match in found.matches.items()
        if role in ("amount", "unit_price", "mrr", "monthly_charge", "total_charge")
    }  # fmt: skip
    for profile in profiles:
        ask = profile.question or (in_cents(profile) if profile.name in money else "")
        mark = f"question: {ask}" if ask else "; ".join(profile.notes)
        outs.append(_Out(profile.sql, profile.name, mark))
    sql = f"{_select(outs)}\nFROM (\n{textwrap.indent(table.select(paths), '  ')}\n)"
    price, quantity = found.column("unit_price"), found.column("quantity")
    if idle:
        date, amount = found.matches["date"].column.name, found.matches["amount"].column.name
        mark = f"guess 0.80: {idle:,} rows have neither, such as further lines of an order"
        sql = (
            f"SELECT *\nFROM (\n{textwrap.indent(sql, '  ')}\n)\n"
            f"WHERE {date} IS NOT NULL  -- {mark}\n  OR {amount} IS NOT NULL"
        )
    if price is None or quantity is None:
        return sql
    product = _Out(
        f"{quantity.name} * {price.name}", _product(found),
        f"guess {found.matches['unit_price'].score:.2f}: {price.raw} is the price of one piece,"
        f" so that {quantity.raw} times it is the amount",
    )  # fmt: skip
    return f"{_select([_Out('*', '*'), product])}\nFROM (\n{textwrap.indent(sql, '  ')}\n)"


def _product(found: Guess) -> str:
    """The name of quantity times price in the view."""
    taken = {match.column.name for match in found.matches.values()}
    return "row_amount" if "amount" in taken else "amount"


def mappings(
    found: Guess, relation: str, line: str, zone: str, as_of: str, own_accounts: bool,
    declared: Mapping[str, Source],
) -> list[Draft]:  # fmt: skip
    """The mappings that a guess leads to.

    ``relation`` is the table's view and ``line`` its column with the number of the row;
    ``own_accounts`` says that another table is the accounts. ``as_of`` is the day of a snapshot.
    """
    head = (
        f"Drafted from {relation}, which looks like {found.shape.replace('_', ' ')}"
        f" (score {found.score:.2f} of 1)."
    )
    if found.shape == "purchases":
        drafted = _purchases(found, relation, line, zone)
    elif found.shape == "subscriptions":
        drafted = _subscriptions(found, relation, zone)
    elif found.shape == "customer_snapshots":
        drafted = _snapshot(found, relation, as_of)
    else:
        drafted = [_direct(found, relation, line, zone, declared[found.shape])]
    return [
        Draft(source, sql, notes, head)
        for source, sql, notes in drafted
        if source != "accounts" or not own_accounts or found.shape == "accounts"
    ]


def mapping_text(mapping: Draft) -> str:
    """The file of a mapping.

    >>> print(mapping_text(Draft("accounts", "SELECT 1 AS account_id", "One.", "Drafted.")))
    # Drafted. Marks `guess` and `question` are yours to settle: mend the line, or delete the mark.
    maps: accounts
    notes: "One."
    sql: |
      SELECT 1 AS account_id
    <BLANKLINE>
    """
    return (
        f"# {one_line(mapping.head)} Marks `guess` and `question` are yours to settle:"
        " mend the line, or delete the mark.\n"
        f"maps: {mapping.source}\nnotes: {yaml_text(mapping.notes)}\nsql: |\n"
        + textwrap.indent(mapping.sql, "  ")
        + "\n"
    )


def yaml_text(text: str) -> str:
    """A text that YAML reads as a text, whatever is in it."""
    return json.dumps(one_line(text), ensure_ascii=False)


def one_line(text: str) -> str:
    """A text that stays on its line, as a comment has to."""
    return re.sub(r"[\s\x00-\x1f\x7f\u2028\u2029]+", " ", text).strip()


def _select(outs: Sequence[_Out]) -> str:
    lines = []
    for i, out in enumerate(outs):
        comma = "," if i + 1 < len(outs) else ""
        said = out.sql if out.sql == out.name else f"{out.sql} AS {out.name}"
        mark = f"  -- {one_line(out.mark)}" if out.mark else ""
        lines.append(f"  {said}{comma}{mark}")
    return "SELECT\n" + "\n".join(lines)


def _mark(found: Guess, role: str, what: str = "") -> str:
    match = found.matches[role]
    lead = f"{what}; " if what else ""
    return f"guess {match.score:.2f}: {lead}{match.column.raw}: {match.reason}"


def _local_day(profile: Profile, zone: str) -> str:
    """A calendar day of the company: moments are UTC in the view."""
    if profile.kind == "date":
        return profile.name
    if zone == "UTC":
        return f"CAST({profile.name} AS DATE)"
    return f"CAST(({profile.name} AT TIME ZONE 'UTC') AT TIME ZONE {quoted_text(zone)} AS DATE)"


def _moment(day: str, zone: str) -> str:
    """The UTC instant at which a day of the company begins."""
    if zone == "UTC":
        return f"CAST({day} AS TIMESTAMP)"
    return f"(CAST({day} AS TIMESTAMP) AT TIME ZONE {quoted_text(zone)}) AT TIME ZONE 'UTC'"


def in_cents(profile: Profile) -> str:
    """What to ask of an amount that may be in cents, or ""."""
    if _CENTS & set(profile.name.split("_")):
        return f"is {profile.raw} in cents? then divide by 100.0 here"
    if profile.kind == "integer" and profile.high is not None and float(profile.high) >= 1000:
        return (
            f"{profile.raw} has whole numbers only, up to {profile.high:,}; if they are cents,"
            " divide by 100.0 here"
        )
    return ""


def _amount(found: Guess) -> tuple[str, str]:
    if found.column("unit_price") is not None and found.column("quantity") is not None:
        return _product(found), ""
    return found.matches["amount"].column.name, _mark(found, "amount")


def _purchases(found: Guess, relation: str, line: str, zone: str) -> list[tuple[str, str, str]]:
    customer, date = found.matches["customer"].column, found.matches["date"].column
    amount, amount_mark = _amount(found)
    order, day = found.column("order"), _local_day(date, zone)
    status, paid = found.column("status"), found.column("paid_on")
    due = found.column("due_on")
    negative = found.matches["amount"].column.negative
    quantity = found.column("quantity")
    if found.column("unit_price") is not None and quantity is not None:
        negative = max(negative, quantity.negative)
    lines = order is not None and not order.is_unique and order.distinct > 1
    key, key_mark = f"'P' || {line}", "guess 0.50: no column is a key, so the number of the row is"
    if order is not None:
        key = f"CAST({order.name} AS VARCHAR)"
        key_mark = _mark(found, "order", "several rows are one purchase" if lines else "the key")
        if order.nulls:
            key = f"coalesce({key}, 'P' || {line})"
    base = relation
    names = {"customer": customer.name, "day": day, "amount": amount,
             "status": status.name if status else "", "paid": "", "due": ""}  # fmt: skip
    if paid is not None:
        names["paid"] = _local_day(paid, zone)
    if due is not None:
        names["due"] = _local_day(due, zone)
    if lines:
        parts = [f"{key} AS invoice_id", f"any_value({customer.name}) AS customer",
                 f"min({day}) AS day", f"sum({amount}) AS amount"]  # fmt: skip
        for name in ("status", "paid", "due"):
            if names[name]:
                parts.append(f"any_value({names[name]}) AS {name}")
                names[name] = name
        base = f"(\n  SELECT {', '.join(parts)}\n  FROM {relation}\n  GROUP BY 1\n)"
        names |= {"customer": "customer", "day": "day", "amount": "amount"}
    state, state_mark = _status(names["status"], status, found, names["amount"], negative)
    paid_on = names["paid"] or names["day"]
    refunds = f"{names['amount']} >= 0" if negative and not status else ""
    is_paid = f"({state}) = 'paid'" if status else refunds
    invoice = [
        _Out("invoice_id" if lines else key, "invoice_id", key_mark),
        _Out(names["customer"], "account_id", _mark(found, "customer")),
        _Out(names["day"], "issued_on", _mark(found, "date")),
        *([_Out(names["due"], "due_on", _mark(found, "due_on"))] if due else []),
        _Out(names["amount"], "amount", amount_mark),
        _Out(state, "status", state_mark),
        _Out(
            f"CASE WHEN {is_paid} THEN {paid_on} END" if is_paid else paid_on, "paid_on",
            _mark(found, "paid_on") if paid
            else "guess 0.60: what is paid is paid on the day of the purchase",
        ),
    ]  # fmt: skip
    where = f"\nWHERE {is_paid}" if is_paid else ""
    if status:
        # The same reading of the status as in invoices.yml: mended there, it is to be mended here.
        where = f"\nWHERE  -- {one_line(state_mark)}\n  {is_paid}"
    outs_line = [
        _Out(f"'P' || {line}", "line_id"),
        _Out(key, "invoice_id"),
        _Out(
            "'one_off'", "line_type", "guess 0.60: delivered at once; tax, where it is in, counts"
        ),
        _Out(day, "service_start"),
        _Out(day, "service_end"),
        _Out(amount, "amount"),
    ]
    outs_paid = [
        _Out("invoice_id" if lines else key, "payment_id"),
        _Out("invoice_id" if lines else key, "invoice_id"),
        _Out(_moment(paid_on, zone), "attempted_at"),
        _Out(names["amount"], "amount"),
        _Out("'succeeded'", "status"),
    ]
    refund_note = (
        " A negative amount is a refund: it lowers revenue and is no purchase." if negative else ""
    )
    return [
        ("invoices", f"{_select(invoice)}\nFROM {base}",
         f"A purchase is an invoice.{refund_note}"),
        ("invoice_lines", f"{_select(outs_line)}\nFROM {relation}",
         "Every row is a line of its purchase, with the guesses that invoices.yml marks."),
        ("payments", f"{_select(outs_paid)}\nFROM {base}{where}",
         "A purchase that is paid was paid at once, with the guesses that invoices.yml marks."),
        ("accounts", _accounts(found, relation, _moment(f"min({day})", zone)),
         "A customer is an account, known from the first purchase on."),
    ]  # fmt: skip


def _status(
    sql: str, status: Profile | None, found: Guess, amount: str, negative: int
) -> tuple[str, str]:
    if status is None:
        if negative:
            return (
                f"CASE WHEN {amount} < 0 THEN 'open' ELSE 'paid' END",
                f"guess 0.60: {negative:,} negative amounts are refunds, which are never paid",
            )
        return "'paid'", "guess 0.60: no column says what is paid, so everything is"
    allowed = ("paid", "open", "overdue", "void")
    known = {value: same_value(value, allowed) for value, _ in status.values}
    strange = [value for value, meant in known.items() if meant is None]
    whens = [f"WHEN {quoted_text(v)} THEN '{m}'" for v, m in known.items() if m is not None]
    refund = f"WHEN {amount} < 0 THEN 'open' " if negative else ""
    text = f"CAST({sql} AS VARCHAR)"
    body = " ".join(w.replace("WHEN ", f"WHEN {text} = ", 1) for w in whens)
    sql = f"CASE {refund}{body} ELSE 'open' END"
    if strange:
        return sql, (
            f"question: what do {', '.join(strange[:6])} mean? they are taken as open, which is"
            " revenue and no purchase yet; others are paid, overdue, void"
        )
    return sql, _mark(found, "status")


def _accounts(found: Guess, relation: str, created: str) -> str:
    customer = found.matches["customer"].column.name
    outs = [_Out(customer, "account_id"), _Out(created, "created_at")]
    for role, column in _ATTRIBUTES.items():
        if role in found.matches:
            name = found.matches[role].column.name
            outs.append(_Out(f"max(CAST({name} AS VARCHAR))", column, _mark(found, role)))
    return f"{_select(outs)}\nFROM {relation}\nWHERE {customer} IS NOT NULL\nGROUP BY {customer}"


def _subscriptions(found: Guess, relation: str, zone: str) -> list[tuple[str, str, str]]:
    customer, mrr = found.matches["customer"].column, found.matches["mrr"].column
    start = _local_day(found.matches["started_on"].column, zone)
    end = _local_day(found.matches["ended_on"].column, zone)
    price_mark = _mark(found, "mrr", "the price of one month")
    first, last = found.matches["started_on"].column, found.matches["ended_on"].column
    end_mark = _mark(found, "ended_on", "the first day not in force")
    if last.high is not None and str(last.high)[:10] > str(first.high)[:7] + "-31":
        end_mark = (
            f"question: it knows ends up to {str(last.high)[:10]}; those to come need --as-of at"
            " every run, since the last day of the data is taken as known"
        )
    sql = (
        "WITH changes AS (\n"
        f"  SELECT {customer.name} AS account_id,  -- {one_line(_mark(found, 'customer'))}\n"
        f"    {start} AS day,  -- {one_line(_mark(found, 'started_on'))}\n"
        f"    {mrr.name} AS amount  -- {one_line(price_mark)}\n"
        f"  FROM {relation}\n  UNION ALL\n"
        f"  SELECT {customer.name},\n"
        f"    {end},  -- {one_line(end_mark)}\n"
        f"    -{mrr.name}\n  FROM {relation}\n  WHERE {end} IS NOT NULL\n"
        "), days AS (\n"
        "  SELECT account_id, day, sum(amount) AS amount\n  FROM changes\n  GROUP BY ALL\n"
        "  HAVING sum(amount) <> 0\n"
        "), courses AS (\n"
        "  SELECT *, sum(amount) OVER course AS after, row_number() OVER course AS number\n"
        "  FROM days\n  WINDOW course AS (PARTITION BY account_id ORDER BY day)\n)\n"
        "SELECT\n  account_id || ' ' || day AS movement_id,\n  account_id,\n"
        "  day AS effective_on,\n"
        "  CASE WHEN number = 1 THEN 'new' WHEN after = 0 THEN 'churn'\n"
        "       WHEN after = amount THEN 'reactivation' WHEN amount > 0 THEN 'expansion'\n"
        "       ELSE 'contraction' END AS movement_type,\n  amount\nFROM courses"
    )
    return [
        ("mrr_movements", sql, "Subscriptions that begin and end move the MRR of their account."),
        ("accounts", _accounts(found, relation, _moment(f"min({start})", zone)),
         "A subscriber is an account, known from the first subscription on."),
    ]  # fmt: skip


def _snapshot(found: Guess, relation: str, as_of: str) -> list[tuple[str, str, str]]:
    churned = found.matches["churned"].column
    snapshot = found.column("snapshot")
    day = f"CAST({snapshot.name} AS DATE)" if snapshot else f"DATE '{as_of}'"
    outs = [
        _Out(f"CAST({found.matches['customer'].column.name} AS VARCHAR)", "customer_id",
             _mark(found, "customer")),
        _Out(day, "snapshot_on",
             _mark(found, "snapshot") if snapshot else "the day that --as-of gave"),
        _Out(churned.name if churned.kind == "bool" else f"{churned.name} = 1", "churned",
             _mark(found, "churned")),
    ]  # fmt: skip
    if "tenure" in found.matches:
        tenure = found.matches["tenure"].column.name
        outs.append(
            _Out(f"CAST({tenure} AS INTEGER)", "tenure_months", _mark(found, "tenure", "in months"))
        )
    for role in ("contract", "service", "payment_method", "segment", "region"):
        if role in found.matches:
            name = found.matches[role].column.name
            outs.append(_Out(f"CAST({name} AS VARCHAR)", role, _mark(found, role)))
    for role in ("monthly_charge", "total_charge"):
        if role in found.matches:
            outs.append(_Out(found.matches[role].column.name, role, _mark(found, role)))
    return [
        ("customer_snapshots", f"{_select(outs)}\nFROM {relation}",
         "One row a customer, as things stood on one day.")
    ]  # fmt: skip


def _direct(
    found: Guess, relation: str, line: str, zone: str, source: Source
) -> tuple[str, str, str]:
    outs = []
    for column in source.columns.values():
        match = found.matches.get(column.name)
        if match is None:
            if source.key == (column.name,):
                mark = "guess 0.50: no column is a key, so the number of the row is"
                outs.append(_Out(f"'R' || {line}", column.name, mark))
            elif (source.id, column.name) in DEFAULTS:
                default = DEFAULTS[source.id, column.name]
                outs.append(
                    _Out(f"'{default}'", column.name, "guess 0.50: no column says otherwise")
                )
            continue
        profile, mark = match.column, _mark(found, column.name)
        sql = profile.name
        if column.type == "date":
            sql = _local_day(profile, zone)
        elif column.type == "timestamp" and profile.kind == "date":
            sql = _moment(profile.name, zone)
        elif column.type == "string":
            sql = f"CAST({profile.name} AS VARCHAR)"
        elif column.type == "bool" and profile.kind == "integer":
            sql = f"{profile.name} = 1"
        if column.values and profile.values:
            sql, mark = _translated(sql, profile, column.values, mark, column.optional)
        outs.append(_Out(sql, column.name, mark))
    return source.id, f"{_select(outs)}\nFROM {relation}", f"{source.title}: {source.grain}."


def _translated(
    sql: str, profile: Profile, values: Sequence[str], mark: str, optional: bool
) -> tuple[str, str]:
    """A CASE where the table has other words for the values that the source declares.

    What may be absent, such as a segment, keeps words of its own: a dimension may have any members.
    """
    known = {value: same_value(value, tuple(values)) for value, _ in profile.values}
    if all(value == meant for value, meant in known.items()):
        return sql, mark
    if optional and None in known.values():
        return sql, mark
    if not any(known.values()):
        return sql, f"question: {profile.raw} is {evidence(profile)}; expected {', '.join(values)}"
    whens = " ".join(
        f"WHEN {sql} = {quoted_text(value)} THEN '{meant}'"
        for value, meant in known.items()
        if meant is not None
    )
    strange = [value for value, meant in known.items() if meant is None]
    if strange:
        mark = f"question: what do {', '.join(strange[:6])} mean? one of {', '.join(values)}"
    return f"CASE {whens} ELSE {sql} END", mark


def row_number_column(profiles: Sequence[Profile]) -> str:
    """The column of a view that numbers its rows."""
    return "line_number" if any(p.name == "line" for p in profiles) else "line"


def relation_name(table: str, taken: Mapping[str, object]) -> str:
    """The name of a table's view: none of a source, since that would connect it as it is."""
    name = table
    while name in taken:
        name += "_table"
    return quoted(name) if not re.fullmatch(r"[a-z_][a-z0-9_]*", name) else name
