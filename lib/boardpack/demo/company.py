"""Who the demo company deals with: its plans and features, its prospects, accounts and trials."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import (
    END,
    FIRST_DAY,
    LAUNCH_FEATURE,
    LAUNCH_ON,
    PUSH_CONVERSION,
    PUSH_ON,
    PUSH_TRIALS,
    WHALE_STARTS,
)

#: plan, name, product line, tier, add-on, billing, list price of a seat or pack and month,
#: included units
_PLANS = """
  ('P01', 'Starter', 'analytics', 1, false, 'monthly', 52, 50000),
  ('P02', 'Starter, annual', 'analytics', 1, false, 'annual', 48, 50000),
  ('P03', 'Team', 'analytics', 2, false, 'monthly', 78, 200000),
  ('P04', 'Team, annual', 'analytics', 2, false, 'annual', 72, 200000),
  ('P05', 'Business', 'analytics', 3, false, 'monthly', 112, 1000000),
  ('P06', 'Business, annual', 'analytics', 3, false, 'annual', 104, 1000000),
  ('P07', 'Enterprise', 'analytics', 4, false, 'monthly', 158, 5000000),
  ('P08', 'Enterprise, annual', 'analytics', 4, false, 'annual', 148, 5000000),
  ('P09', 'Business, two years', 'analytics', 3, false, 'multi_year', 99, 1000000),
  ('P10', 'Enterprise, two years', 'analytics', 4, false, 'multi_year', 140, 5000000),
  ('P11', 'Advanced Security', 'governance', 1, true, 'monthly', 60, NULL),
  ('P12', 'Embedded Analytics', 'embedded', 1, true, 'monthly', 95, 100000),
  ('P13', 'Premium Support', 'services', 1, true, 'monthly', 75, NULL),
  ('P14', 'AI Assistant', 'ai', 1, true, 'monthly', 90, 2000000)
"""

#: feature, product line, core, key, months after 2022-01 of its release, web, mobile
_FEATURES = f"""
  ('dashboard_builder', 'analytics', true, true, 0, true, true),
  ('data_connections', 'analytics', true, true, 0, true, false),
  ('automated_reports', 'analytics', true, true, 3, true, true),
  ('advanced_analytics', 'analytics', true, true, 8, true, false),
  ('api', 'analytics', true, false, 2, true, true),
  ('team_collaboration', 'collaboration', true, true, 4, true, true),
  ('workflow_builder', 'automation', true, true, 13, true, false),
  ('ai_processing', 'ai', false, true, 25, true, false),
  ('realtime_collaboration', 'collaboration', false, true, 19, true, true),
  ('template_library', 'analytics', false, false, 10, true, true),
  ('{LAUNCH_FEATURE}', 'ai', false, true, 41, true, true),
  ('sql_editor', 'analytics', true, false, 0, true, false),
  ('scheduled_delivery', 'analytics', false, false, 6, true, true),
  ('row_level_security', 'governance', false, false, 9, true, true),
  ('single_sign_on', 'governance', false, false, 7, true, true),
  ('audit_log', 'governance', false, false, 15, true, false),
  ('data_catalog', 'governance', false, false, 18, true, false),
  ('embedded_views', 'embedded', false, true, 14, true, true),
  ('white_label', 'embedded', false, false, 22, true, true),
  ('alerts', 'analytics', true, false, 5, true, true),
  ('forecasting', 'analytics', false, true, 20, true, false),
  ('cohort_explorer', 'analytics', false, false, 17, true, false),
  ('geo_maps', 'analytics', false, false, 12, true, true),
  ('spreadsheet_sync', 'analytics', false, false, 11, true, false),
  ('mobile_offline', 'analytics', false, false, 24, false, true),
  ('comments', 'collaboration', false, false, 4, true, true),
  ('version_history', 'collaboration', false, false, 16, true, false),
  ('webhooks', 'automation', false, false, 21, true, false),
  ('metric_store', 'analytics', false, true, 28, true, false),
  ('cost_monitor', 'governance', false, false, 31, true, false)
"""

_CHANNEL = """
  CASE WHEN {x} < 0.26 THEN 'organic_search' WHEN {x} < 0.42 THEN 'content'
       WHEN {x} < 0.50 THEN 'social' WHEN {x} < 0.72 THEN 'paid' WHEN {x} < 0.77 THEN 'events'
       WHEN {x} < 0.85 THEN 'referral' WHEN {x} < 0.90 THEN 'partner' ELSE 'direct' END
"""

_NAMES = {
    "first": """[
      'Amber','Arbor','Aster','Atlas','Azure','Beacon','Birch','Bright','Cedar','Cobalt',
      'Copper','Coral','Crest','Delta','Dune','Ember','Falcon','Fern','Fjord','Garnet','Granite',
      'Harbor','Hazel','Indigo','Iron','Ivory','Juniper','Lark','Linden','Maple','Meridian','Mistral',
      'Nimbus','Onyx','Opal','Pine','Quartz','Sable','Silver','Tidal']""",
    "second": """['Analytics','Bakeries','Biotech','Capital','Care','Components','Construction',
      'Data','Diagnostics','Dynamics','Education','Energy','Engineering','Farms','Finance','Foods',
      'Freight','Games','Health','Holdings','Hotels','Insurance','Labs','Logistics','Markets',
      'Materials','Media','Metals','Mobility','Networks','Optics','Outdoor','Payments','Pharma',
      'Retail','Robotics','Software','Systems','Textiles','Travel']""",
    "suffix": """[
      'Group','& Co.','Partners','International','Works','Ltd','& Sons','Collective']""",
}


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make plans, features, business_calendar, accounts and trials, and ``work.prospects``.

    ``work.prospects`` has one row an account: how it came, and the day it bought, if it did.
    """
    _reference(con)
    _prospects(con)
    _accounts(con)
    _trials(con)


def _reference(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE out.plans AS
        SELECT plan_id, plan_name, product_line, tier_rank::INTEGER AS tier_rank, is_addon,
               billing_period, price::DECIMAL(18, 2) AS list_price_monthly,
               included::BIGINT AS included_usage
        FROM (VALUES {_PLANS}) AS v(plan_id, plan_name, product_line, tier_rank, is_addon,
                                    billing_period, price, included);

        CREATE TABLE out.features AS
        SELECT 'F' || lpad(row_number() OVER (ORDER BY released, name)::VARCHAR, 2, '0')
                 AS feature_id,
               name AS feature_name, product_line, is_core, is_key,
               CASE WHEN name = '{LAUNCH_FEATURE}' THEN DATE '{LAUNCH_ON}'
                    ELSE (DATE '2022-01-11' + to_months(released))::DATE END AS released_on,
               on_web, on_mobile
        FROM (VALUES {_FEATURES}) AS v(name, product_line, is_core, is_key, released,
                                       on_web, on_mobile);

        CREATE TABLE out.business_calendar AS
        WITH days AS (
          SELECT unnest(range(DATE '{FIRST_DAY}', DATE '{END}', INTERVAL 1 DAY))::DATE AS day),
        judged AS (
          SELECT day, NOT is_weekend(day) AND strftime(day, '%m-%d') NOT IN
                 ('01-01', '05-01', '12-24', '12-25', '12-26', '12-31') AS open
          FROM days)
        SELECT day, open AS is_business_day,
               CASE WHEN open THEN TIME '08:00:00' END AS opens_at,
               CASE WHEN open THEN TIME '18:00:00' END AS closes_at
        FROM judged;
        """
    )


def _prospects(con: duckdb.DuckDBPyConnection) -> None:
    """Trials by month, deals closed without one, the founding customers, own workspaces."""
    con.execute(
        f"""
        CREATE TABLE work.arrivals AS
        WITH counted AS (
          SELECT m, 'trial' AS kind, round(
              (86 + 4.55 * m) * (0.96 + 0.08 * u('trials', m, 0))
              * [1.06, 1.04, 1.08, 1.0, 1.0, 0.96,
                 0.88, 0.86, 1.02, 1.08, 1.06, 0.84][month(first)]
              * CASE WHEN first = DATE '{PUSH_ON}' THEN {PUSH_TRIALS} ELSE 1 END)::INTEGER AS n
          FROM work.months
          UNION ALL
          SELECT m, 'sales', round((6.1 + 0.07 * m)
              * [0.8, 0.9, 1.25, 0.8, 0.9, 1.2,
                 0.7, 0.7, 1.2, 0.95, 1.25, 1.55][month(first)])::INTEGER
          FROM work.months
          UNION ALL
          SELECT 0, 'founding', 120
          UNION ALL
          SELECT m, 'internal', CASE WHEN m = 0 THEN 13 ELSE 1 + (m % 2) END FROM work.months
          UNION ALL
          SELECT m, 'whale', 1 FROM work.months
          WHERE first <= DATE '{WHALE_STARTS}' AND next > DATE '{WHALE_STARTS}')
        SELECT row_number() OVER (ORDER BY kind = 'internal', m, kind, i)::INTEGER AS no, m, kind
        FROM counted, range(n) AS r(i);

        CREATE TABLE work.placed AS
        SELECT no, m, kind, first, next,
               u('region', no, 0) AS x_region, u('segment', no, 0) AS x_segment,
               CASE WHEN kind = 'founding' THEN floor(u('day', no, 0) * 24)::INTEGER
                    WHEN kind = 'sales' THEN floor(sqrt(u('day', no, 0)) * days)::INTEGER
                    ELSE floor(u('day', no, 0) * days)::INTEGER END AS day_no
        FROM work.arrivals JOIN work.months USING (m);

        CREATE TABLE work.prospects AS
        WITH described AS (
          SELECT no, m, kind, first,
                 CASE WHEN kind = 'whale' THEN DATE '{WHALE_STARTS}'
                      WHEN is_weekend(first + day_no) AND u('weekday', no, 0) < 0.75
                      THEN greatest(first + day_no - 2, first) ELSE first + day_no END AS day,
                 CASE WHEN kind = 'whale' OR x_region BETWEEN 0.45 AND 0.73 THEN 'europe'
                      WHEN x_region < 0.45 THEN 'north_america' WHEN x_region < 0.87 THEN 'apac'
                      WHEN x_region < 0.95 THEN 'latam' ELSE 'mea' END AS region,
                 CASE kind
                   WHEN 'whale' THEN 'enterprise'
                   WHEN 'trial' THEN CASE WHEN x_segment < 0.022 THEN 'enterprise'
                                          WHEN x_segment < 0.25 THEN 'mid_market' ELSE 'smb' END
                   WHEN 'sales' THEN CASE WHEN x_segment < 0.27 THEN 'enterprise'
                                          WHEN x_segment < 0.90 THEN 'mid_market' ELSE 'smb' END
                   WHEN 'founding' THEN CASE WHEN x_segment < 0.08 THEN 'enterprise'
                                             WHEN x_segment < 0.40 THEN 'mid_market' ELSE 'smb' END
                   ELSE pick(['enterprise', 'mid_market', 'smb'], x_segment) END AS segment,
                 CASE WHEN kind IN ('trial', 'internal') THEN
                   CASE WHEN first = DATE '{PUSH_ON}' AND u('pushed', no, 0) < 0.3 THEN 'paid'
                        ELSE {_CHANNEL.format(x="u('channel', no, 0)")} END
                 ELSE pick(['direct', 'direct', 'events', 'events', 'referral', 'partner', 'paid'],
                           u('channel', no, 0)) END AS channel
          FROM work.placed),
        timed AS (
          SELECT *, CASE WHEN segment = 'enterprise' THEN 30 ELSE 14 END AS trial_days,
                 kind = 'trial' OR (kind = 'internal' AND no % 2 = 0) AS has_trial,
                 day::TIMESTAMP + to_seconds(least(79000, greatest(1200, 60 * (
                     noon(region) + (normal('clock', no, 0) * 170))::INTEGER
                     + (u('second', no, 0) * 60)::INTEGER))::BIGINT) AS arrived_at
          FROM described),
        converting AS (
          SELECT *, kind = 'trial' AND u('convert', no, 0) <
              CASE segment WHEN 'smb' THEN 0.182 WHEN 'mid_market' THEN 0.205 ELSE 0.24 END
              * CASE channel WHEN 'referral' THEN 1.35 WHEN 'partner' THEN 1.2
                             WHEN 'paid' THEN 0.84 WHEN 'organic_search' THEN 1.06 ELSE 1.0 END
              * CASE WHEN first = DATE '{PUSH_ON}' THEN {PUSH_CONVERSION} ELSE 1 END
              * (1.13 - 0.006 * m) AS converts,
              CASE WHEN u('decides', no, 0) < 0.6
                   THEN trial_days * (0.45 + 0.55 * u('decides on', no, 0))
                   ELSE trial_days + 24 * u('decides on', no, 0) ** 1.5 END AS decides_after
          FROM timed),
        dated AS (
          SELECT *, CASE WHEN converts
                         THEN arrived_at + to_seconds((decides_after * 86400)::BIGINT)
                         END AS converts_at
          FROM converting)
        SELECT no, 'A' || lpad(no::VARCHAR, 5, '0') AS account_id, m, kind, region, segment,
               channel, has_trial, trial_days, kind = 'internal' AS is_internal,
               CASE WHEN has_trial THEN arrived_at END AS trial_at,
               CASE WHEN converts_at < TIMESTAMP '{END}' THEN converts_at END AS converted_at,
               CASE WHEN kind IN ('sales', 'founding', 'whale')
                    THEN arrived_at - to_days((6 + floor(u('cycle', no, 0) * 55))::INTEGER)
                    ELSE arrived_at - to_seconds((120 + floor(u('form', no, 0) * 600))::INTEGER)
                    END AS created_at,
               CASE WHEN kind IN ('sales', 'founding', 'whale') THEN day
                    WHEN converts_at < TIMESTAMP '{END}' THEN converts_at::DATE END AS bought_on
        FROM dated;
        """
    )


def _accounts(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE out.accounts AS
        WITH named AS (
          SELECT *, (no * 7919 + (hash(getvariable('seed')) % 12800)::BIGINT) % 12800 AS name_no,
                 CASE region
                   WHEN 'north_america' THEN pick(
                     ['United States', 'United States', 'United States', 'Canada'],
                     u('country', no, 0))
                   WHEN 'europe' THEN pick(
                     ['Germany', 'United Kingdom', 'France', 'Netherlands', 'Sweden', 'Spain',
                      'Italy', 'Poland'], u('country', no, 0))
                   WHEN 'apac' THEN pick(
                     ['Australia', 'Japan', 'Singapore', 'India', 'South Korea', 'New Zealand'],
                     u('country', no, 0))
                   WHEN 'latam' THEN pick(
                     ['Brazil', 'Mexico', 'Chile', 'Colombia'], u('country', no, 0))
                   ELSE pick(['United Arab Emirates', 'Israel', 'South Africa', 'Kenya'],
                             u('country', no, 0)) END AS country
          FROM work.prospects)
        SELECT account_id,
               CASE WHEN is_internal THEN 'Own workspace ' || no::VARCHAR ELSE
                 ({_NAMES["first"]})[1 + name_no % 40]
                 || ' ' || ({_NAMES["second"]})[1 + (name_no // 40) % 40]
                 || ' ' || ({_NAMES["suffix"]})[1 + name_no // 1600] END AS account_name,
               segment, region, country,
               CASE WHEN region = 'north_america' OR country = 'Mexico' THEN 'North America'
                    WHEN region = 'latam' THEN 'South America'
                    WHEN region = 'europe' THEN 'Europe'
                    WHEN country IN ('Australia', 'New Zealand') THEN 'Oceania'
                    WHEN country IN ('South Africa', 'Kenya') THEN 'Africa'
                    ELSE 'Asia' END AS continent,
               pick(['software', 'retail', 'manufacturing', 'financial services', 'healthcare',
                     'media', 'logistics', 'education', 'energy', 'public sector'],
                    u('industry', no, 0)) AS industry,
               CASE WHEN segment = 'enterprise' THEN 'direct'
                    WHEN segment = 'mid_market' AND u('motion', no, 0) < 0.25 THEN 'direct'
                    WHEN segment = 'mid_market' OR u('motion', no, 0) < 0.15 THEN 'inside'
                    ELSE 'self_service' END AS sales_motion,
               channel AS acquisition_channel,
               CASE WHEN channel = 'referral' THEN 'R' || no::VARCHAR END AS referral_id,
               CASE WHEN channel = 'partner'
                    THEN 'PA' || (10 + floor(u('partner', no, 0) * 25))::INTEGER
                    END AS partner_id,
               CASE WHEN u('switched', no, 0) < 0.18
                    THEN 'C' || (1 + floor(u('rival', no, 0) * 8))::INTEGER::VARCHAR
                    END AS switched_from_competitor_id,
               CASE WHEN bought_on IS NOT NULL AND segment <> 'smb'
                    THEN 'E' || (101 + floor(u('csm', no, 0) * 18))::INTEGER END AS csm_id,
               created_at, is_internal
        FROM named ORDER BY no;
        """
    )


def _trials(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        CREATE TABLE out.trials AS
        SELECT 'T' || lpad(no::VARCHAR, 5, '0') AS trial_id, account_id,
               account_id || '-1' AS user_id, NULL::VARCHAR AS lead_id,
               CASE WHEN u('tracked', no, 0) < 0.7 THEN 'v-t' || no::VARCHAR END AS visitor_id,
               channel, trial_at AS started_at, trial_at + to_days(trial_days) AS ends_at,
               converted_at, known_at(trial_at, 'trials', no) AS recorded_at
        FROM work.prospects WHERE has_trial ORDER BY trial_at, no;
        """
    )
