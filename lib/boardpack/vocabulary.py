"""Vocabulary: the names by which columns and values of other people's tables go.

Words are in lower case without accents, as `discovery.sql_name` writes a name; the first are the
plainest. A few languages only: what a name does not tell, the content has to.
"""

from __future__ import annotations

#: What a column is for -> names it goes by.
COLUMN_WORDS: dict[str, tuple[str, ...]] = {
    role: tuple(words.split())
    for role, words in {
        "customer": "customer_id customer customerid cust cust_id cust_no client client_id kunde"
        " kunden_id kundennr kunden_nr kundennummer account_id account buyer shopper member user_id"
        " user email e_mail klant cliente client_no acheteur debitor mitgliedsnr"
        " mitgliedsnummer mitglied member_id subscriber_id subscriber company_id organisation_id"
        " organization_id tenant_id",
        "date": "date order_date purchase_date invoice_date datum bestelldatum rechnungsdatum"
        " kaufdatum created_at created issued_on issued issue_date booked_on ordered_at ordered_on"
        " sold_on sold_at transaction_date sale_date day timestamp time fecha jour tag paid_at"
        " invoiced_on purchased_at posted_on event_time occurred_at",
        "amount": "amount total umsatz betrag revenue sales value dollar dollars summe gesamt"
        " gesamtbetrag total_amount net_amount order_total order_value invoice_total netto brutto"
        " montant importe turnover paid_amount grand_total price preis charge net gross sum",
        "quantity": "quantity qty menge anzahl units number_of items pieces stueck stueckzahl",
        "unit_price": "unit_price unitprice einzelpreis stueckpreis price_per_unit price preis"
        " item_price",
        "order": "order_id order_no order_number invoice_no invoice_id invoice_number invoice"
        " rechnungsnr rechnungs_nr rechnungsnummer bestellnr bestell_nr bestellnummer"
        " transaction_id"
        " receipt_id receipt belegnr beleg bon purchase_id sale_id document_no id",
        "status": "status state zustand payment_status order_status invoice_status",
        "paid_on": "paid_on paid_at paid_date payment_date bezahlt_am zahlungsdatum date_paid",
        "due_on": "due_on due_date due faellig faelligkeit faellig_am",
        "account_name": "customer_name account_name kundenname company company_name firma name"
        " organisation organization client_name",
        "segment": "segment customer_segment kundengruppe customer_type kundentyp size tier",
        "region": "region territory gebiet area sales_region",
        "country": "country land country_code pays pais",
        "industry": "industry branche sector vertical",
        "channel": "acquisition_channel channel utm_source kanal lead_source",
        "created": "created_at created created_on signup_date signed_up_at registered_at"
        " registered_on customer_since kunde_seit angelegt_am joined_at join_date start_date since",
        "churned": "churn churned is_churned churn_flag churn_label attrition exited cancelled"
        " canceled gekuendigt has_left left",
        "tenure": "tenure tenure_months months tenure_in_months months_active age_months laufzeit",
        "contract": "contract contract_type vertrag vertragsart billing_period contract_term",
        "service": "internet_service service plan product tariff tarif package plan_name",
        "payment_method": "payment_method payment zahlungsart pay_method",
        "monthly_charge": "monthly_charges monthly_charge monthly_fee mrr monthly_revenue"
        " monthly_price monatspreis monatsbeitrag",
        "total_charge": "total_charges total_charge lifetime_value total_revenue gesamtumsatz",
        "snapshot": "snapshot_on snapshot_date snapshot as_of as_of_date stichtag",
        "started_on": "started_on start_date started start started_at begin subscribed_on"
        " valid_from"
        " startdatum beginn vertragsbeginn eintritt eintrittsdatum beitritt join_date",
        "ended_on": "ended_on end_date ended end ended_at cancelled_on cancelled_at canceled_at"
        " churned_on valid_to enddatum ende vertragsende kuendigungsdatum austritt"
        " austrittsdatum left_on exit_date",
        "subscription": "subscription_id subscription abo_id contract_id vertragsnr id",
        "mrr": "mrr monthly_amount monthly_price monthly_fee monthly_revenue price_per_month"
        " monatspreis monatsbeitrag beitrag monthly_charge amount price preis",
        "resolved_at": "resolved_at closed_at solved_at resolved closed geloest_am",
        "first_response_at": "first_response_at first_reply_at responded_at first_response",
        "priority": "priority urgency severity prioritaet",
        "score": "score nps rating nps_score bewertung answer points",
        "responded_at": "responded_at response_date answered_at date submitted_at datum",
        "visitor": "visitor_id visitor client_id cookie_id session_id anonymous_id",
        "visited_at": "visited_at visit_time timestamp date time datum visit_date",
    }.items()
}

#: A column of a source -> what it is for, where its own name is not all that tells.
ROLES: dict[str, str] = {
    "account_id": "customer",
    "account_name": "account_name",
    "segment": "segment",
    "region": "region",
    "country": "country",
    "industry": "industry",
    "acquisition_channel": "channel",
    "created_at": "created",
    "started_on": "started_on",
    "ended_on": "ended_on",
    "score": "score",
    "responded_at": "responded_at",
    "resolved_at": "resolved_at",
    "first_response_at": "first_response_at",
    "priority": "priority",
    "visitor_id": "visitor",
    "visited_at": "visited_at",
    "contract": "contract",
    "service": "service",
    "payment_method": "payment_method",
    "tenure_months": "tenure",
    "monthly_charge": "monthly_charge",
    "total_charge": "total_charge",
    "churned": "churned",
    "amount": "amount",
    "status": "status",
    "due_on": "due_on",
    "paid_on": "paid_on",
}

#: A source -> words in the name of a table that speak of it.
TABLE_WORDS: dict[str, tuple[str, ...]] = {
    "accounts": ("account", "customer", "client", "kunde", "kunden", "company", "companies"),
    "tickets": ("ticket", "support", "case", "issue"),
    "survey_responses": ("survey", "nps", "response", "feedback"),
    "web_visits": ("visit", "traffic", "pageview"),
    "users": ("user", "seat"),
    "trials": ("trial",),
    "invoices": ("invoice", "rechnung", "rechnungen"),
    "payments": ("payment", "zahlung", "zahlungen"),
}

#: A value of an enumeration -> what it is called elsewhere.
VALUE_WORDS: dict[str, tuple[str, ...]] = {
    value: tuple(words.split())
    for value, words in {
        "paid": "paid bezahlt complete completed succeeded success settled captured closed shipped"
        " delivered fulfilled beglichen payee pagado",
        "open": "open offen pending unpaid outstanding sent issued processing new authorized",
        "overdue": "overdue ueberfaellig late past_due",
        "void": "void voided cancelled canceled storniert rejected refunded returned deleted",
        "succeeded": "succeeded success paid ok captured completed",
        "failed": "failed declined error refused",
        "critical": "critical urgent high p1 blocker kritisch hoch",
        "standard": "standard normal medium p2 mittel",
        "low": "low minor p3 p4 niedrig",
        "smb": "smb small sme smb_self_serve klein small_business",
        "mid_market": "mid_market midmarket mid medium mittel",
        "enterprise": "enterprise large ent gross corporate",
        "north_america": "north_america na usa us amer americas_north",
        "europe": "europe eu emea_europe europa",
        "apac": "apac asia asia_pacific asien",
        "latam": "latam latin_america south_america",
        "mea": "mea middle_east africa",
        "organic_search": "organic_search organic seo",
        "paid_channel": "paid ppc cpc ads adwords",
        "direct": "direct none",
        "referral": "referral empfehlung",
        "new": "new neu",
    }.items()
}


def name_score(name: str, role: str) -> float:
    """How well a column's name says that it is for ``role``, from 0 to 1.

    >>> name_score("customer_id", "customer"), name_score("cust_ref", "customer")
    (1.0, 0.8)
    >>> name_score("datumsfeld", "date"), name_score("colour", "date")
    (0.7, 0.0)
    """
    words = COLUMN_WORDS.get(role, (role,))
    joined = name.replace("_", "")
    if name in words or joined in {word.replace("_", "") for word in words}:
        # The plainest names are meant more surely than the last of a list.
        place = next(i for i, w in enumerate(words) if w == name or w.replace("_", "") == joined)
        return 1.0 if place < 8 else 0.95
    tokens = set(name.split("_"))
    if tokens & {word for word in words if "_" not in word and len(word) > 2}:
        return 0.8
    if any(len(w) >= 5 and w.replace("_", "") in joined for w in words):
        return 0.7
    return 0.0


def speaks_of(table: str, source: str) -> bool:
    """Whether a table's name says that it is about a source.

    >>> speaks_of("support_tickets_2024", "tickets"), speaks_of("orders", "tickets")
    (True, False)
    """
    words = {source, source.rstrip("s"), *TABLE_WORDS.get(source, ())}
    tokens = {table, *table.split("_")}
    return bool(words & (tokens | {token.rstrip("s") for token in tokens}))


def same_value(text: str, values: tuple[str, ...]) -> str | None:
    """The declared value that ``text`` means, or None.

    >>> same_value("Bezahlt", ("paid", "open")), same_value("maybe", ("paid", "open"))
    ('paid', None)
    """
    plain = text.strip().lower().replace(" ", "_").replace("-", "_")
    if plain in values:
        return plain
    return next((value for value in values if plain in VALUE_WORDS.get(value, ())), None)
