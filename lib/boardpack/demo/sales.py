"""What sellers work on: opportunities with the stages they went through, and quotas.

Everyone who became a customer, and every upgrade and add-on, was a deal that was won; seats and
prices change by orders that nobody had to sell. Deals that were lost, and those still open, are
drawn beside them. A deal is *assisted* when a seller worked on it; the others are bought online.
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY, RIVAL, RIVAL_ON

_STAGES = "['discovery', 'qualified', 'demo', 'proposal', 'negotiation', 'closed']"

#: Days from the making of a deal to its end.
_CYCLE = """
  CASE WHEN {type} = 'expansion' THEN 21 * exp(0.45 * normal('cycle', {id}, 0))
       ELSE CASE {segment} WHEN 'enterprise' THEN 84 WHEN 'mid_market' THEN 44 ELSE 17 END
            * exp(0.38 * normal('cycle', {id}, 0)) END
"""

#: The stages of a deal that is won, and of one that is lost; a few go back a stage.
_PATHS = """
  CASE WHEN NOT assisted THEN [1, 6]
       WHEN type = 'expansion' AND won
       THEN pick([[1, 2, 4, 6], [2, 4, 6], [2, 4, 5, 6]], u('path', id, 0))
       WHEN type = 'expansion'
       THEN pick([[1, 2, 6], [2, 6], [2, 4, 6], [2, 4, 5, 6]], u('path', id, 0))
       WHEN won
       THEN pick([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 6], [1, 2, 4, 5, 6],
                  [1, 2, 3, 4, 3, 4, 5, 6]], u('path', id, 0))
       WHEN u('unfit', id, 0) < 0.16 THEN [1, 6]
       ELSE pick([[1, 2, 6], [1, 2, 3, 6], [1, 2, 3, 6], [1, 2, 3, 4, 6], [1, 2, 3, 4, 6],
                  [1, 2, 3, 4, 3, 4, 6], [1, 2, 3, 4, 5, 6]], u('path', id, 0)) END
"""

_SOLD = "expansion_type IN ('cross_sell', 'upsell', 'usage')"

#: segment, number of its first seller, sellers at the start, more each month
_TEAMS = """
  ('enterprise', 201, 4, 0.15), ('mid_market', 231, 5, 0.21), ('smb', 261, 2, 0.06)
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make opportunities, opportunity_stage_history and quotas, and ``work.deals``.

    ``work.deals`` has one row a deal with how it came and how it ends, be it after the last day;
    ``id`` is a hash of what it is made from.
    """
    _won(con)
    _others(con)
    _deals(con)
    _stays(con)
    _quotas(con)


def _won(con: duckdb.DuckDBPyConnection) -> None:
    """First purchases and what was sold to customers, at the amounts of their MRR movements."""
    con.execute(
        f"""
        CREATE TABLE work.won_deals AS
        WITH bought AS (
          SELECT account_id, effective_on, 'new_business' AS type, 12 * sum(amount) AS amount
          FROM work.movements WHERE movement_type = 'new' GROUP BY ALL
          UNION ALL
          SELECT account_id, effective_on, 'expansion', 12 * sum(amount)
          FROM work.movements WHERE {_SOLD} GROUP BY ALL),
        timed AS (
          SELECT hash('won', b.account_id, effective_on, type) AS id, b.*, p.no, p.kind, a.segment,
                 a.region, a.sales_motion, p.channel, p.trial_at, p.created_at AS account_at,
                 CASE WHEN type = 'new_business' AND p.converted_at IS NOT NULL
                      THEN p.converted_at
                      ELSE effective_on::TIMESTAMP + to_seconds(
                             (60 * (noon(a.region) + 120 * u('signs', b.account_id, effective_on)))
                             ::BIGINT) END AS closed_at
          FROM bought AS b JOIN work.prospects AS p USING (account_id)
          JOIN out.accounts AS a USING (account_id))
        SELECT id, account_id, no, kind, type, segment, region, sales_motion, channel,
               account_at, trial_at, true AS won, amount::DECIMAL(18, 2) AS amount,
               CASE WHEN sales_motion = 'self_service' AND type = 'new_business'
                    THEN coalesce(trial_at + to_seconds(60 + floor(u('self', id, 0) * 600)::BIGINT),
                                  account_at)
                    WHEN sales_motion = 'self_service'
                    THEN closed_at - to_seconds((3600 + u('self', id, 0) * 259200)::BIGINT)
                    ELSE closed_at - to_seconds((86400 * greatest(3,
                           {_CYCLE.format(type="type", segment="segment", id="id")}))::BIGINT)
                    END AS created_at,
               closed_at
        FROM timed
        """
    )


def _others(con: duckdb.DuckDBPyConnection) -> None:
    """Deals that are lost, and those that would be decided after the last day.

    Lost are trials that did not convert, and companions of deals that were won. Open are, beside
    those of them that close later, the deals of a year before, moved by a year.
    """
    cycle = _CYCLE.format(type="type", segment="segment", id="id")
    con.execute(
        f"""
        CREATE TABLE work.coming_deals AS
        SELECT hash('coming', id) AS id,
               CASE WHEN type = 'expansion' THEN account_id END AS account_id,
               CASE WHEN type = 'expansion' THEN no END AS no,
               CASE WHEN type = 'expansion' THEN kind ELSE 'coming' END AS kind, type, segment,
               region, sales_motion, channel, NULL::TIMESTAMP AS account_at,
               NULL::TIMESTAMP AS trial_at, true AS won,
               round(amount * (1.04 + 0.2 * u('next year', id, 0)), 0)::DECIMAL(18, 2) AS amount,
               created_at + INTERVAL 365 DAY AS created_at,
               closed_at + INTERVAL 365 DAY AS closed_at
        FROM work.won_deals AS d
        WHERE sales_motion <> 'self_service' AND kind <> 'whale'
          AND created_at + INTERVAL 365 DAY < TIMESTAMP '{END}'
          AND closed_at + INTERVAL 365 DAY >= TIMESTAMP '{END}'
          AND (type <> 'expansion' OR no IN (SELECT no FROM work.lives WHERE end_on IS NULL));

        CREATE TABLE work.lost_deals AS
        WITH trials AS (
          SELECT hash('trial', p.account_id) AS id, p.account_id, p.no, p.kind,
                 'new_business' AS type, a.segment, a.region, a.sales_motion, p.channel,
                 p.created_at AS account_at, p.trial_at,
                 round(CASE a.segment WHEN 'enterprise' THEN 78000 WHEN 'mid_market' THEN 17000
                                      ELSE 4600 END
                       * exp(0.4 * normal('asked', p.no, 0)) * (1 + 0.008 * p.m), -1) AS amount,
                 p.trial_at + to_seconds((3600 + u('call', p.no, 0) * 300000)::BIGINT) AS created_at
          FROM work.prospects AS p JOIN out.accounts AS a USING (account_id)
          WHERE p.kind = 'trial' AND p.bought_on IS NULL AND a.sales_motion <> 'self_service'
            AND u('worked', p.no, 0) < 0.5 - 0.003 * p.m),
        companions AS (
          SELECT hash('lost', id, n) AS id, CASE WHEN type = 'expansion' THEN account_id END,
                 CASE WHEN type = 'expansion' THEN no END, kind, type, segment, region,
                 sales_motion,
                 pick(['direct', 'events', 'events', 'referral', 'partner', 'paid', 'content'],
                      u('channel', id, n)), NULL::TIMESTAMP, NULL::TIMESTAMP,
                 round(amount * exp(0.35 * normal('asked', id, n)), -1),
                 CASE WHEN type = 'expansion'
                      THEN created_at + to_seconds((u('after', id, n) * 2e6)::BIGINT)
                      ELSE created_at + to_seconds(((u('beside', id, n) - 0.5) * 4e6)::BIGINT) END
          FROM (SELECT * FROM work.won_deals UNION ALL SELECT * FROM work.coming_deals) AS d,
               range(poisson(CASE WHEN kind = 'trial' AND type = 'new_business' THEN 0.35
                                  WHEN type = 'expansion' THEN 0.8
                                  WHEN segment = 'enterprise' THEN 1.7 ELSE 1.25 END,
                             u('companions', id, 0))) AS r(n)
          WHERE sales_motion <> 'self_service' AND kind <> 'whale'),
        all_of_them AS (SELECT * FROM trials UNION ALL SELECT * FROM companions)
        SELECT id, account_id, no, kind, type, segment, region, sales_motion, channel, account_at,
               trial_at, false AS won, amount::DECIMAL(18, 2) AS amount, created_at,
               created_at + to_seconds((86400 * greatest(2, 0.9 * {cycle}))::BIGINT) AS closed_at
        FROM all_of_them
        WHERE created_at < TIMESTAMP '{END}' AND amount > 0
          AND (type <> 'expansion' OR EXISTS (
                 SELECT 1 FROM work.lives AS l WHERE l.no = all_of_them.no
                  AND created_at >= l.start_on AND (l.end_on IS NULL OR created_at < l.end_on)));
        """
    )


def _deals(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE work.deals AS
        WITH all_of_them AS (
          SELECT * FROM work.won_deals UNION ALL SELECT * FROM work.coming_deals
          UNION ALL SELECT * FROM work.lost_deals),
        described AS (
          SELECT d.*, sales_motion <> 'self_service' AS assisted,
                 datediff('month', DATE '{FIRST_DAY}', d.created_at::DATE) AS m,
                 NOT won AND type = 'new_business' AND closed_at >= DATE '{RIVAL_ON}'
                   AND u('undercut', id, 0) < 0.42 AS undercut
          FROM all_of_them AS d),
        contested AS (
          SELECT *, {_PATHS} AS path,
                 CASE WHEN NOT assisted OR type = 'expansion' THEN NULL
                      WHEN undercut THEN '{RIVAL}'
                      WHEN u('contested', id, 0) < CASE WHEN won THEN 0.45 ELSE 0.30 END
                      THEN 'C' || (1 + floor(8 * u('rival', id, 0) ** 1.3))::INTEGER
                      END AS rival
          FROM described),
        judged AS (
          SELECT *, rival IS NOT NULL AND path[2] <> 6 AND (undercut OR u('head', id, 0) < 0.7)
                      AS head_to_head
          FROM contested)
        SELECT d.*,
               CASE WHEN won THEN NULL
                    WHEN undercut THEN pick(['competitor', 'competitor', 'price'],
                                            u('reason', id, 0))
                    WHEN head_to_head THEN pick(['competitor', 'competitor', 'price', 'feature_gap',
                                                 'no_decision'], u('reason', id, 0))
                    ELSE pick(['no_decision', 'no_decision', 'no_decision', 'budget', 'budget',
                               'timing', 'timing', 'price', 'feature_gap', 'other'],
                              u('reason', id, 0)) END AS loss_reason,
               assisted AND u('cut', id, 0) < CASE WHEN won THEN 0.05 ELSE 0.13 END AS budget_cut,
               CASE WHEN assisted
                    THEN 'E' || (t.base + floor(u('owner', id, 0)
                           * (t.sellers + floor(t.more * greatest(m, 0)))))::INTEGER
                    END AS owner_id,
               'D' || lpad(row_number() OVER (ORDER BY created_at, id)::VARCHAR, 5, '0')
                 AS opportunity_id,
               type = 'new_business' AND channel <> 'direct' AS has_lead
        FROM judged AS d
        JOIN (VALUES {_TEAMS}) AS t(segment, base, sellers, more) USING (segment)
        """
    )


def _stays(con: duckdb.DuckDBPyConnection) -> None:
    """The stays of each deal that began by the last day, and the deals as they then stood."""
    con.execute(
        f"""
        CREATE TABLE work.stays AS
        WITH placed AS (
          SELECT d.*, j::INTEGER AS j, len(path) AS n, path[j + 1] AS stage_order,
                 CASE WHEN j = 0 THEN created_at WHEN j = len(path) - 1 THEN closed_at
                      ELSE created_at + to_seconds((epoch(closed_at - created_at)
                             * (j - 0.4 + 0.7 * (u('stay', id, j) - 0.5)) / (len(path) - 1))
                             ::BIGINT) END AS entered_at
          FROM work.deals AS d, range(len(path)) AS r(j)),
        valued AS (
          SELECT *, ({_STAGES})[stage_order] AS stage,
                 CASE WHEN stage_order >= 4 OR NOT assisted THEN amount
                      ELSE greatest(100, round(amount * exp(normal('guess', id, stage_order)
                             * CASE stage_order WHEN 1 THEN 0.30 WHEN 2 THEN 0.18 ELSE 0.08 END),
                             -2))::DECIMAL(18, 2) END AS stage_amount,
                 CASE WHEN stage_order < 6 THEN [10, 25, 40, 60, 80][stage_order]
                      WHEN won THEN 100 ELSE 0 END AS probability,
                 CASE WHEN stage_order = 6 THEN closed_at::DATE
                      ELSE greatest(entered_at::DATE + 1, closed_at::DATE
                             + round((normal('expects', id, j) * 0.25 - 0.1)
                                     * (closed_at::DATE - entered_at::DATE))::INTEGER) END
                   AS expected_close_on
          FROM placed WHERE entered_at < TIMESTAMP '{END}')
        SELECT *, lead(entered_at) OVER deal AS exited_at,
               lag(stage_order) OVER deal AS stage_order_before,
               max(known_at(entered_at, 'deals', opportunity_id)) OVER deal AS recorded_at
        FROM valued WINDOW deal AS (PARTITION BY id ORDER BY j);

        CREATE TABLE out.opportunity_stage_history AS
        SELECT opportunity_id || '-' || (j + 1) AS history_id, opportunity_id, stage,
               stage_order, stage_order_before, entered_at, exited_at, stage_amount AS amount,
               probability::DECIMAL(18, 2) AS probability, expected_close_on, recorded_at
        FROM work.stays ORDER BY entered_at, history_id;

        CREATE TABLE out.opportunities AS
        WITH last AS (
          SELECT * FROM work.stays QUALIFY row_number() OVER (PARTITION BY id ORDER BY j DESC) = 1),
        reached AS (
          SELECT id, min(entered_at) FILTER (stage = 'qualified') AS qualified_at,
                 min(entered_at) FILTER (stage = 'proposal') AS proposal_sent_at,
                 min(recorded_at) AS recorded_at
          FROM work.stays GROUP BY id)
        SELECT opportunity_id, d.account_id,
               CASE WHEN d.has_lead THEN 'L' || opportunity_id END AS lead_id,
               CASE WHEN d.trial_at IS NOT NULL AND type = 'new_business'
                    THEN 'T' || lpad(d.no::VARCHAR, 5, '0') END AS trial_id,
               owner_id, a.partner_id, type AS opportunity_type, d.segment, d.region,
               d.sales_motion, d.created_at, qualified_at, proposal_sent_at, stage,
               stage_amount AS amount, probability::DECIMAL(18, 2) AS probability,
               expected_close_on,
               CASE WHEN stage = 'closed' THEN closed_at END AS closed_at,
               CASE WHEN stage <> 'closed' THEN 'open' WHEN won THEN 'won' ELSE 'lost' END
                 AS outcome,
               CASE WHEN stage = 'closed' THEN loss_reason END AS loss_reason,
               rival AS primary_competitor_id, head_to_head AS is_head_to_head,
               budget_cut AS budget_cut_flag, r.recorded_at
        FROM last AS d JOIN reached AS r USING (id) LEFT JOIN out.accounts AS a USING (account_id)
        ORDER BY opportunity_id;
        """
    )


def _quotas(con: duckdb.DuckDBPyConnection) -> None:
    """What each seller is to book, and each development representative to have accepted, a month.

    A team's quota is a little above what it booked a month in the half year before; the founding
    customers are left out.
    """
    con.execute(
        f"""
        CREATE TABLE out.quotas AS
        WITH teams AS (
          SELECT * FROM (VALUES {_TEAMS}) AS t(segment, base, sellers, more)),
        booked AS (
          SELECT m.m, teams.segment,
                 coalesce(sum(amount) FILTER (kind <> 'founding' OR type = 'expansion'), 0)::DOUBLE
                   AS amount
          FROM work.months AS m CROSS JOIN teams
          LEFT JOIN work.won_deals AS d ON d.segment = teams.segment AND d.closed_at >= m.first
           AND d.closed_at < m.next AND d.sales_motion <> 'self_service' AND d.kind <> 'whale'
          GROUP BY m.m, teams.segment),
        planned AS (
          SELECT b.m, b.segment, 1.1 * avg(o.amount) AS amount
          FROM booked AS b JOIN booked AS o ON o.segment = b.segment
           AND o.m >= greatest(b.m - 6, 0) AND o.m < greatest(b.m, 6)
          GROUP BY b.m, b.segment),
        carried AS (
          SELECT m, base + i AS no, 'bookings' AS kind, segment,
                 round(p.amount / (sellers + floor(more * m)), -2) AS value
          FROM planned AS p JOIN teams USING (segment),
               range((sellers + floor(more * m))::INTEGER) AS r(i)
          UNION ALL
          SELECT m, 281 + i, 'sqls', NULL, 8 FROM work.months, range((6 + m // 6)::INTEGER) AS r(i))
        SELECT 'Q' || strftime(first, '%y%m') || '-E' || no AS quota_id, 'E' || no AS employee_id,
               first AS period_start, next - 1 AS period_end, kind AS quota_kind,
               value::DECIMAL(18, 2) AS quota_value, segment
        FROM carried JOIN work.months USING (m) ORDER BY quota_id;
        """
    )
