"""What tables of each shape become: purchases, subscriptions, snapshots, or a source as it is."""

from __future__ import annotations

from collections.abc import Sequence

from boardpack.draft_selects import Out, local_day, mark_of, moment, one_line, product_name, select
from boardpack.guesses import DEFAULTS, Guess, evidence
from boardpack.profiles import Profile
from boardpack.sources import Source
from boardpack.sql_texts import quoted_text
from boardpack.vocabulary import same_value

_ATTRIBUTES = {
    "account_name": "account_name", "segment": "segment", "region": "region",
    "country": "country", "industry": "industry", "channel": "acquisition_channel",
}  # fmt: skip


def _amount(found: Guess) -> tuple[str, str]:
    if found.column("unit_price") is not None and found.column("quantity") is not None:
        return product_name(found), ""
    return found.matches["amount"].column.name, mark_of(found, "amount")


def purchases(found: Guess, relation: str, line: str, zone: str) -> list[tuple[str, str, str]]:
    """A row is a purchase, or a line of one."""
    customer, date = found.matches["customer"].column, found.matches["date"].column
    amount, amount_mark = _amount(found)
    order, day = found.column("order"), local_day(date, zone)
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
        key_mark = mark_of(found, "order", "several rows are one purchase" if lines else "the key")
        if order.nulls:
            key = f"coalesce({key}, 'P' || {line})"
    base = relation
    names = {"customer": customer.name, "day": day, "amount": amount,
             "status": status.name if status else "", "paid": "", "due": ""}  # fmt: skip
    if paid is not None:
        names["paid"] = local_day(paid, zone)
    if due is not None:
        names["due"] = local_day(due, zone)
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
        Out("invoice_id" if lines else key, "invoice_id", key_mark),
        Out(names["customer"], "account_id", mark_of(found, "customer")),
        Out(names["day"], "issued_on", mark_of(found, "date")),
        *([Out(names["due"], "due_on", mark_of(found, "due_on"))] if due else []),
        Out(names["amount"], "amount", amount_mark),
        Out(state, "status", state_mark),
        Out(
            f"CASE WHEN {is_paid} THEN {paid_on} END" if is_paid else paid_on, "paid_on",
            mark_of(found, "paid_on") if paid
            else "guess 0.60: what is paid is paid on the day of the purchase",
        ),
    ]  # fmt: skip
    where = f"\nWHERE {is_paid}" if is_paid else ""
    if status:
        # The same reading of the status as in invoices.yml: mended there, it is to be mended here.
        where = f"\nWHERE  -- {one_line(state_mark)}\n  {is_paid}"
    outs_line = [
        Out(f"'P' || {line}", "line_id"),
        Out(key, "invoice_id"),
        Out("'one_off'", "line_type", "guess 0.60: delivered at once; tax, where it is in, counts"),
        Out(day, "service_start"),
        Out(day, "service_end"),
        Out(amount, "amount"),
    ]
    outs_paid = [
        Out("invoice_id" if lines else key, "payment_id"),
        Out("invoice_id" if lines else key, "invoice_id"),
        Out(moment(paid_on, zone), "attempted_at"),
        Out(names["amount"], "amount"),
        Out("'succeeded'", "status"),
    ]
    refund_note = (
        " A negative amount is a refund: it lowers revenue and is no purchase." if negative else ""
    )
    return [
        ("invoices", f"{select(invoice)}\nFROM {base}",
         f"A purchase is an invoice.{refund_note}"),
        ("invoice_lines", f"{select(outs_line)}\nFROM {relation}",
         "Every row is a line of its purchase, with the guesses that invoices.yml marks."),
        ("payments", f"{select(outs_paid)}\nFROM {base}{where}",
         "A purchase that is paid was paid at once, with the guesses that invoices.yml marks."),
        ("accounts", _accounts(found, relation, moment(f"min({day})", zone)),
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
    return sql, mark_of(found, "status")


def _accounts(found: Guess, relation: str, created: str) -> str:
    customer = found.matches["customer"].column.name
    outs = [Out(customer, "account_id"), Out(created, "created_at")]
    for role, column in _ATTRIBUTES.items():
        if role in found.matches:
            name = found.matches[role].column.name
            outs.append(Out(f"max(CAST({name} AS VARCHAR))", column, mark_of(found, role)))
    return f"{select(outs)}\nFROM {relation}\nWHERE {customer} IS NOT NULL\nGROUP BY {customer}"


def subscriptions(found: Guess, relation: str, zone: str) -> list[tuple[str, str, str]]:
    """A row is a subscription with its begin, its end and the price of a month."""
    customer, mrr = found.matches["customer"].column, found.matches["mrr"].column
    start = local_day(found.matches["started_on"].column, zone)
    end = local_day(found.matches["ended_on"].column, zone)
    price_mark = mark_of(found, "mrr", "the price of one month")
    first, last = found.matches["started_on"].column, found.matches["ended_on"].column
    end_mark = mark_of(found, "ended_on", "the first day not in force")
    if last.high is not None and str(last.high)[:10] > str(first.high)[:7] + "-31":
        end_mark = (
            f"question: it knows ends up to {str(last.high)[:10]}; those to come need --as-of at"
            " every run, since the last day of the data is taken as known"
        )
    sql = (
        "WITH changes AS (\n"
        f"  SELECT {customer.name} AS account_id,  -- {one_line(mark_of(found, 'customer'))}\n"
        f"    {start} AS day,  -- {one_line(mark_of(found, 'started_on'))}\n"
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
        ("accounts", _accounts(found, relation, moment(f"min({start})", zone)),
         "A subscriber is an account, known from the first subscription on."),
    ]  # fmt: skip


def snapshots(found: Guess, relation: str, as_of: str) -> list[tuple[str, str, str]]:
    """A row is a customer as things stood on one day."""
    churned = found.matches["churned"].column
    snapshot = found.column("snapshot")
    day = f"CAST({snapshot.name} AS DATE)" if snapshot else f"DATE '{as_of}'"
    outs = [
        Out(f"CAST({found.matches['customer'].column.name} AS VARCHAR)", "customer_id",
             mark_of(found, "customer")),
        Out(day, "snapshot_on",
             mark_of(found, "snapshot") if snapshot else "the day that --as-of gave"),
        Out(churned.name if churned.kind == "bool" else f"{churned.name} = 1", "churned",
             mark_of(found, "churned")),
    ]  # fmt: skip
    if "tenure" in found.matches:
        tenure = found.matches["tenure"].column.name
        outs.append(
            Out(
                f"CAST({tenure} AS INTEGER)", "tenure_months", mark_of(found, "tenure", "in months")
            )
        )
    for role in ("contract", "service", "payment_method", "segment", "region"):
        if role in found.matches:
            name = found.matches[role].column.name
            outs.append(Out(f"CAST({name} AS VARCHAR)", role, mark_of(found, role)))
    for role in ("monthly_charge", "total_charge"):
        if role in found.matches:
            outs.append(Out(found.matches[role].column.name, role, mark_of(found, role)))
    return [
        ("customer_snapshots", f"{select(outs)}\nFROM {relation}",
         "One row a customer, as things stood on one day.")
    ]  # fmt: skip


def direct(
    found: Guess, relation: str, line: str, zone: str, source: Source
) -> tuple[str, str, str]:
    """The table is a source as it is, save for names and words."""
    outs = []
    for column in source.columns.values():
        match = found.matches.get(column.name)
        if match is None:
            if source.key == (column.name,):
                mark = "guess 0.50: no column is a key, so the number of the row is"
                outs.append(Out(f"'R' || {line}", column.name, mark))
            elif (source.id, column.name) in DEFAULTS:
                default = DEFAULTS[source.id, column.name]
                outs.append(
                    Out(f"'{default}'", column.name, "guess 0.50: no column says otherwise")
                )
            continue
        profile, mark = match.column, mark_of(found, column.name)
        sql = profile.name
        if column.type == "date":
            sql = local_day(profile, zone)
        elif column.type == "timestamp" and profile.kind == "date":
            sql = moment(profile.name, zone)
        elif column.type == "string":
            sql = f"CAST({profile.name} AS VARCHAR)"
        elif column.type == "bool" and profile.kind == "integer":
            sql = f"{profile.name} = 1"
        if column.values and profile.values:
            sql, mark = _translated(sql, profile, column.values, mark, column.optional)
        outs.append(Out(sql, column.name, mark))
    return source.id, f"{select(outs)}\nFROM {relation}", f"{source.title}: {source.grain}."


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
