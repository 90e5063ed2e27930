"""What marketing brings and costs: leads with their qualification, and spend by channel.

Everyone who came inbound was a lead first: the deals of `boardpack.demo.sales` that did, and the
trials nobody sold to. Most leads are neither: they ask for a paper or sign up for a webinar.
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, PUSH_LEADS, PUSH_ON, PUSH_QUALIFIED, PUSH_UNTIL

#: Chance that marketing qualifies a lead who is no trial, and that sales then accepts it.
_INTEREST = f"""
  CASE channel WHEN 'events' THEN 0.34 WHEN 'referral' THEN 0.38 WHEN 'partner' THEN 0.36
               WHEN 'paid' THEN 0.20 WHEN 'social' THEN 0.13 WHEN 'email' THEN 0.15
               WHEN 'content' THEN 0.20 ELSE 0.24 END
  * CASE segment WHEN 'smb' THEN 0.85 ELSE 1.2 END
  * CASE WHEN channel = 'paid' AND created_at >= DATE '{PUSH_ON}'
              AND created_at < DATE '{PUSH_UNTIL}' THEN {PUSH_QUALIFIED} ELSE 1 END
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make leads, touchpoints and marketing_spend; needs deals and the ledger."""
    _leads(con)
    _touchpoints(con)
    _spend(con)


def _leads(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE work.selling_leads AS
        WITH reached AS (
          SELECT *, least(created_at, coalesce(account_at, created_at)) AS known_by
          FROM work.deals WHERE has_lead),
        asked AS (
          SELECT *, known_by - to_seconds((600 + 86400 * CASE WHEN assisted
                      THEN 24 * u('warm', id, 0) ** 2 ELSE 6 * u('warm', id, 0) ** 3 END)::BIGINT)
                      AS asked_at
          FROM reached)
        SELECT 'L' || opportunity_id AS lead_id, account_id, asked_at AS created_at, channel,
               segment, region, opportunity_id,
               CASE WHEN assisted OR u('mql', id, 0) < 0.6
                    THEN asked_at + (created_at - asked_at) * (0.5 * u('mql on', id, 0))
                    END AS mql_at,
               CASE WHEN assisted
                    THEN asked_at + (created_at - asked_at) * (0.55 + 0.44 * u('sql on', id, 0))
                    END AS sql_at
        FROM asked WHERE asked_at < TIMESTAMP '{END}';

        CREATE TABLE work.trial_leads AS
        WITH signed_up AS (
          SELECT p.no, p.account_id, p.created_at - to_seconds((60 + 86400
                   * 9 * u('warm', p.account_id, 0) ** 4)::BIGINT) AS created_at,
                 p.channel, p.segment, p.region
          FROM work.prospects AS p
          WHERE p.kind = 'trial' AND p.channel <> 'direct' AND p.account_id NOT IN (
                SELECT account_id FROM work.deals
                WHERE account_id IS NOT NULL AND type = 'new_business'))
        SELECT 'LT' || lpad(no::VARCHAR, 5, '0') AS lead_id, account_id, created_at, channel,
               segment, region, NULL::VARCHAR AS opportunity_id,
               CASE WHEN u('mql', account_id, 0) < 0.34
                    THEN created_at + to_seconds((3600 + u('mql on', account_id, 0) * 4e5)::BIGINT)
                    END AS mql_at,
               CASE WHEN u('mql', account_id, 0) < 0.34 AND u('sql', account_id, 0) < 0.12
                    THEN created_at + to_seconds((410000 + u('sql on', account_id, 0) * 9e5)
                                                 ::BIGINT) END AS sql_at
        FROM signed_up;

        CREATE TABLE work.other_leads AS
        WITH arriving AS (
          SELECT m, days, first, i::INTEGER AS i, u('lead channel', m, i) AS x,
                 u('lead segment', m, i) AS y, u('lead region', m, i) AS z
          FROM work.months, range((
            (330 + 16 * m) * (0.97 + 0.06 * u('leads', m, 0))
            * [1.02, 1.0, 1.08, 1.0, 1.0, 0.95, 0.84, 0.82, 1.06, 1.1, 1.08, 0.8][month(first)]
            * CASE WHEN first = DATE '{PUSH_ON}' THEN 1 + ({PUSH_LEADS} - 1) * 0.24 ELSE 1 END
          )::INTEGER) AS r(i)),
        found AS (
          SELECT 'LO' || strftime(first, '%y%m') || lpad(i::VARCHAR, 4, '0') AS lead_id, m,
                 first::TIMESTAMP + to_seconds(floor(86400 * days * u('lead at', m, i))::BIGINT)
                   AS created_at,
                 CASE WHEN first = DATE '{PUSH_ON}'
                           AND u('pushed lead', m, i) < 0.24 * ({PUSH_LEADS} - 1)
                                                        / (1 + 0.24 * ({PUSH_LEADS} - 1))
                      THEN 'paid'
                      WHEN x < 0.24 THEN 'organic_search' WHEN x < 0.41 THEN 'content'
                      WHEN x < 0.50 THEN 'social' WHEN x < 0.74 THEN 'paid'
                      WHEN x < 0.82 THEN 'events' WHEN x < 0.87 THEN 'referral'
                      WHEN x < 0.91 THEN 'partner' ELSE 'email' END AS channel,
                 CASE WHEN y < 0.07 THEN 'enterprise' WHEN y < 0.35 THEN 'mid_market'
                      ELSE 'smb' END AS segment,
                 CASE WHEN z < 0.45 THEN 'north_america' WHEN z < 0.73 THEN 'europe'
                      WHEN z < 0.87 THEN 'apac' WHEN z < 0.95 THEN 'latam' ELSE 'mea' END AS region
          FROM arriving),
        qualified AS (
          SELECT *, CASE WHEN u('mql', lead_id, 0) < {_INTEREST}
                         THEN created_at + to_seconds((1800
                                + 86400 * 20 * u('mql on', lead_id, 0) ** 2)::BIGINT) END AS mql_at
          FROM found)
        SELECT *, CASE WHEN u('sql', lead_id, 0) < 0.09
                       THEN mql_at + to_seconds((7200
                              + 86400 * 70 * u('sql on', lead_id, 0) ** 2)::BIGINT) END AS sql_at
        FROM qualified;

        CREATE TABLE work.leads AS
        WITH all_of_them AS (
          SELECT * FROM work.selling_leads UNION ALL SELECT * FROM work.trial_leads
          UNION ALL
          SELECT lead_id, NULL, created_at, channel, segment, region, NULL, mql_at, sql_at
          FROM work.other_leads)
        SELECT l.*, CASE WHEN t.visitor_id IS NOT NULL THEN t.visitor_id
                         WHEN u('tracked lead', lead_id, 0) < 0.6
                         THEN 'v-' || greatest(datediff('month', DATE '2023-01-01',
                                               l.created_at::DATE), 0)
                              || '-' || floor(7800 * u('visitor of lead', lead_id, 0))::INTEGER
                         END AS visitor_id
        FROM all_of_them AS l
        LEFT JOIN (SELECT account_id, visitor_id FROM out.trials) AS t USING (account_id);

        CREATE TABLE out.leads AS
        SELECT lead_id, visitor_id, account_id, created_at, channel,
               CASE WHEN channel = 'paid'
                    THEN 'C' || strftime(created_at, '%y%m') || '-' || (1 + hash(lead_id) % 4)
                    END AS campaign_id,
               segment, region,
               CASE WHEN mql_at < TIMESTAMP '{END}' THEN date_trunc('second', mql_at) END AS mql_at,
               CASE WHEN sql_at < TIMESTAMP '{END}' THEN date_trunc('second', sql_at) END AS sql_at,
               opportunity_id, known_at(created_at, 'leads', lead_id) AS recorded_at
        FROM work.leads ORDER BY created_at, lead_id;
        """
    )


def _touchpoints(con: duckdb.DuckDBPyConnection) -> None:
    """What a lead saw before and after it became one; the touch that made it one is its channel's.

    Content is seen on the way more often than it brings somebody, adverts less.
    """
    con.execute(
        f"""
        CREATE TABLE out.touchpoints AS
        WITH numbered AS (
          SELECT lead_id, created_at, mql_at, channel, campaign_id, j::INTEGER AS j
          FROM out.leads, range(1 + floor(5 * u('touches', lead_id, 0) ** 2)::INTEGER) AS r(j)),
        placed AS (
          SELECT lead_id, j, campaign_id AS of_lead,
                 CASE WHEN j = 0 THEN created_at
                      WHEN u('touch after', lead_id, j) < 0.45
                      THEN created_at + to_seconds((3600 + 86400 * 25 * u('touch', lead_id, j))
                                                   ::BIGINT)
                      ELSE created_at - to_seconds((3600 + 86400 * 60 * u('touch', lead_id, j) ** 2)
                                                   ::BIGINT) END AS touched_at,
                 CASE WHEN j = 0 THEN channel ELSE
                   pick(['content', 'content', 'content', 'email', 'email', 'organic_search',
                         'social', 'paid', 'events', 'direct'], u('touched by', lead_id, j)) END
                   AS channel
          FROM numbered)
        SELECT 'T-' || lead_id || '-' || j AS touch_id, lead_id,
               date_trunc('second', touched_at) AS touched_at, channel,
               CASE WHEN j = 0 THEN of_lead
                    WHEN channel = 'paid'
                    THEN 'C' || strftime(touched_at, '%y%m') || '-' || (1 + hash(lead_id) % 4)
                    END AS campaign_id,
               known_at(date_trunc('second', touched_at), 'touches', lead_id || j) AS recorded_at
        FROM placed
        WHERE touched_at >= TIMESTAMP '2023-01-01' AND touched_at < TIMESTAMP '{END}'
        ORDER BY touched_at, touch_id;
        """
    )


def _spend(con: duckdb.DuckDBPyConnection) -> None:
    """The ledger's marketing cost without people; what ads cost is shared by two campaigns."""
    con.execute(
        """
        CREATE TABLE out.marketing_spend AS
        WITH posted AS (
          SELECT entry_id, posted_on, channel, cost_type, segment, amount,
                 CASE WHEN channel = 'paid'
                      THEN round(amount * (0.35 + 0.3 * u('campaigns', entry_id, 0)), 2)
                             ::DECIMAL(18, 2) END AS part
          FROM out.gl_entries WHERE pnl_line = 'marketing' AND cost_type <> 'personnel'),
        shared AS (
          SELECT *, NULL AS campaign, amount AS spent FROM posted WHERE part IS NULL
          UNION ALL
          SELECT *, 1 + day(posted_on) % 2, part FROM posted WHERE part IS NOT NULL
          UNION ALL
          SELECT *, 3 + day(posted_on) % 2, amount - part FROM posted WHERE part IS NOT NULL),
        numbered AS (
          SELECT *, 'MS' || lpad(row_number() OVER (ORDER BY posted_on, entry_id, campaign)
                                   ::VARCHAR, 6, '0') AS spend_id
          FROM shared WHERE spent > 0)
        SELECT spend_id, posted_on AS spend_on, channel,
               'C' || strftime(posted_on, '%y%m') || '-' || campaign AS campaign_id,
               cost_type AS spend_type, segment, spent::DECIMAL(18, 2) AS amount,
               known_on(posted_on, 'spend', spend_id) AS recorded_at
        FROM numbered ORDER BY spend_id;
        """
    )
