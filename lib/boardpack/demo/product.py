"""What people do in the product: users, sessions, the events inside each, and what they build."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY, LAUNCH_ENGAGEMENT, LAUNCH_FEATURE, LAUNCH_ON

#: event, feature, share of the actions of a viewer, of anyone else
_ACTIONS = """
  (1, 'dashboard_viewed', 'dashboard_builder', 0.565, 0.300),
  (2, 'advanced_analytics_used', 'advanced_analytics', 0.045, 0.110),
  (3, 'report_generated', 'automated_reports', 0.080, 0.120),
  (4, 'collaboration_action', 'team_collaboration', 0.165, 0.135),
  (5, 'api_used', 'api', 0.018, 0.085),
  (6, 'dashboard_created', 'dashboard_builder', 0.014, 0.045),
  (7, 'data_source_connected', 'data_connections', 0.008, 0.030),
  (8, 'workflow_run', 'workflow_builder', 0.050, 0.100),
  (9, 'workflow_created', 'workflow_builder', 0.005, 0.020),
  (10, 'template_used', 'template_library', 0.022, 0.027),
  (11, 'value_event', 'dashboard_builder', 0.028, 0.028)
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make users for every account; sessions, events and objects for a share ``scale`` of them."""
    _users(con)
    _active_days(con)
    _sessions(con)
    _events(con)
    _objects(con)


def _users(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE work.spans AS
        SELECT no, min(start_on) AS since,
               CASE WHEN count(*) = count(end_on) THEN max(end_on) END AS until,
               max(seats) AS seats, arg_min(first_seats, life) AS first_seats
        FROM work.lives
        JOIN (SELECT life_no, max(quantity) AS seats FROM work.base_months GROUP BY ALL)
          USING (life_no)
        GROUP BY no;

        CREATE TABLE work.users AS
        WITH sized AS (
          SELECT p.no, p.account_id, p.region, p.segment, p.is_internal, p.trial_at, p.trial_days,
                 p.created_at AS account_created_at, s.since, s.until,
                 greatest(1, round(0.62 * s.first_seats))::INTEGER AS early,
                 CASE WHEN is_internal THEN 6
                      WHEN s.no IS NULL THEN 1 + (u('users', p.no, 0) < 0.35)::INTEGER
                                               + (u('users', p.no, 0) < 0.12)::INTEGER
                      ELSE greatest(2, round(0.84 * s.seats))::INTEGER END AS n
          FROM work.prospects AS p LEFT JOIN work.spans AS s USING (no)),
        seated AS (
          SELECT *, j::INTEGER AS j, u('joins', no, j) AS x FROM sized, range(1, n + 1) AS r(j)),
        joined AS (
          SELECT *, CASE
                   WHEN j = 1 THEN account_created_at
                   WHEN is_internal THEN account_created_at + to_days((x * 250)::INTEGER)
                   WHEN since IS NULL THEN trial_at + to_days((x * 6)::INTEGER)
                   WHEN j <= early THEN since + to_days((60 * x ** 1.5)::INTEGER)
                   ELSE since
                        + to_days((15 + x * (coalesce(until, DATE '{END}') - since))::INTEGER) END
                 + to_seconds(CASE WHEN j = 1 THEN 20
                                   WHEN since IS NOT NULL OR is_internal
                                   THEN 3600 + 78000 * u('joins at', no, j)
                                   ELSE 600 + 3000 * u('joins at', no, j) END::BIGINT)
                   AS created_at,
                 until + to_seconds(36000 + (u('off', no, j) * 400000)::INTEGER) AS closed_at
          FROM seated)
        SELECT row_number() OVER (ORDER BY no, j)::INTEGER AS uid, no, account_id, j, region,
               segment, account_id || '-' || j AS user_id,
               is_internal OR u('staff', no, j) < 0.004 AS is_internal,
               CASE WHEN j = 1 OR u('role', no, j) < 0.08 THEN 'admin'
                    WHEN u('role', no, j) < 0.42 THEN 'builder' ELSE 'viewer' END AS role,
               greatest(created_at, account_created_at) AS created_at,
               CASE WHEN since IS NULL AND NOT is_internal THEN trial_at + to_days(trial_days + 45)
                    WHEN j = 1 THEN closed_at
                    ELSE least(coalesce(closed_at, TIMESTAMP '2100-01-01'), created_at
                               + to_hours((-ln(u('leaves', no, j)) * 22000)::INTEGER + 240))
                    END AS left_at
        FROM joined
        WHERE created_at < TIMESTAMP '{END}' AND (until IS NULL OR created_at < until);

        CREATE TABLE out.users AS
        SELECT user_id, account_id, role,
               role <> 'viewer' OR u('dashboards', no, j) < 0.8 AS has_dashboard_access, created_at,
               CASE WHEN left_at < TIMESTAMP '{END}' THEN left_at END AS deactivated_at,
               CASE WHEN j > 1 THEN account_id || '-1' END AS invited_by_user_id, is_internal
        FROM work.users ORDER BY uid;
        """
    )


def _active_days(con: duckdb.DuckDBPyConnection) -> None:
    """Every day on which a sampled user comes, from how often such a user comes at all."""
    con.execute(
        f"""
        CREATE TABLE work.days AS
        SELECT day, (day - DATE '{FIRST_DAY}')::INTEGER AS day_no,
               CASE WHEN is_weekend(day) THEN 0.24 ELSE 1.0 END
               * CASE WHEN strftime(day, '%m-%d') NOT BETWEEN '01-03' AND '12-22' THEN 0.5
                      WHEN month(day) IN (7, 8) THEN 0.94 ELSE 1.0 END
               * CASE WHEN day >= DATE '{LAUNCH_ON}' THEN {LAUNCH_ENGAGEMENT} ELSE 1.0 END AS pull
        FROM out.business_calendar;

        CREATE TABLE work.windows AS
        SELECT no, start_on AS from_day, coalesce(end_on, DATE '{END}') AS to_day,
               end_on AS leaves_on
        FROM work.lives
        UNION ALL
        SELECT no, trial_at::DATE, least((trial_at + to_days(trial_days))::DATE,
                                         coalesce(bought_on, DATE '{END}')), NULL
        FROM work.prospects WHERE has_trial AND NOT is_internal
        UNION ALL
        SELECT no, created_at::DATE, DATE '{END}', NULL FROM work.prospects WHERE is_internal;

        CREATE TABLE work.active_days AS
        WITH sampled AS (
          SELECT uid, no, region, role, created_at, w.leaves_on,
                 greatest(w.from_day, created_at::DATE, DATE '{FIRST_DAY}') AS from_day,
                 least(w.to_day, coalesce(left_at::DATE, DATE '{END}'), DATE '{END}') AS to_day,
                 CASE WHEN u('habit', uid, 0) < 0.11 THEN 0.78
                      WHEN u('habit', uid, 0) < 0.36 THEN 0.47
                      WHEN u('habit', uid, 0) < 0.62 THEN 0.18 ELSE 0.002 END
                 * (0.85 + 0.3 * u('eager', uid, 0)) AS habit
          FROM work.users JOIN work.windows AS w USING (no)
          WHERE u('sampled', uid, 0) < getvariable('scale')),
        met AS (
          SELECT s.*, d.day, d.day_no, d.pull
          FROM sampled AS s JOIN work.days AS d ON d.day >= s.from_day AND d.day < s.to_day)
        SELECT uid, no, region, role, day, day_no, day = created_at::DATE AS is_first, created_at
        FROM met
        WHERE u('comes', uid, day_no) <
              CASE WHEN day = created_at::DATE THEN 0.85
                   WHEN day >= leaves_on - 60 THEN least(0.94, habit * pull * 0.55)
                   ELSE least(0.94, habit * pull) END;
        """
    )


def _sessions(con: duckdb.DuckDBPyConnection) -> None:
    """Sessions begin and end on one UTC day; a user's first follows the making of the seat."""
    con.execute(
        """
        CREATE TABLE out.sessions AS
        WITH counted AS (
          SELECT *, (1 + (u('again', uid, day_no) < 0.13)::INTEGER
                       + (u('again', uid, day_no) < 0.03)::INTEGER)
                    * greatest(1, round(getvariable('scale')))::INTEGER AS n
          FROM work.active_days),
        each AS (
          SELECT c.*, i::INTEGER AS i, day_no * 1000 + i::INTEGER AS slot
          FROM counted AS c, range(n) AS r(i)),
        timed AS (
          SELECT *,
                 CASE WHEN is_first AND i = 0
                      THEN least(created_at + INTERVAL 90 SECOND,
                                 day::TIMESTAMP + INTERVAL 86340 SECOND)
                      ELSE day::TIMESTAMP + to_seconds(
                             floor(60 * least(1374, abs(noon(region)
                                   + 165 * normal('opens', uid, slot))))::BIGINT
                             + floor(60 * u('opens second', uid, slot))::BIGINT)
                      END AS started_at,
                 floor(45 + 3100 * u('stays', uid, slot) ** 2.2)::BIGINT AS seconds
          FROM each)
        SELECT 's' || uid || '-' || day_no || '-' || i AS session_id, t.user_id, t.account_id,
               started_at,
               least(started_at + to_seconds(seconds), day::TIMESTAMP + INTERVAL 86399 SECOND)
                 AS ended_at,
               CASE WHEN u('device', uid, slot) < 0.17 THEN 'mobile' ELSE 'web' END AS platform,
               CASE WHEN u('travels', uid, day_no) < 0.03
                    THEN pick(['north_america', 'europe', 'apac', 'latam', 'mea'],
                              u('where', uid, day_no))
                    ELSE timed.region END AS region,
               known_at(started_at, 'sessions', uid * 10000000::BIGINT + slot) AS recorded_at
        FROM timed
        JOIN (SELECT uid, user_id, account_id, created_at AS since FROM work.users) AS t USING (uid)
        WHERE started_at >= since
        ORDER BY day_no, uid, i;
        """
    )


def _events(con: duckdb.DuckDBPyConnection) -> None:
    """A session_start, then actions drawn by role; they are recorded as late as their session."""
    con.execute(
        f"""
        CREATE TABLE work.actions AS
        WITH ranked AS (
          SELECT n, event_name, feature_id, is_viewer,
                 sum(CASE WHEN is_viewer THEN viewer ELSE other END)
                   OVER (PARTITION BY is_viewer ORDER BY n) AS upto
          FROM (VALUES {_ACTIONS}) AS v(n, event_name, feature_name, viewer, other)
          JOIN out.features USING (feature_name), (VALUES (true), (false)) AS w(is_viewer))
        SELECT is_viewer, slot::INTEGER AS slot, arg_min(event_name, n) AS event_name,
               arg_min(feature_id, n) AS feature_id
        FROM ranked JOIN range(1000) AS r(slot) ON slot < round(1000 * upto)
        GROUP BY is_viewer, slot;

        CREATE TABLE out.events AS
        WITH busy AS (
          SELECT s.session_id, s.user_id, s.account_id, s.started_at, s.recorded_at,
                 epoch(s.ended_at - s.started_at) AS seconds, role = 'viewer' AS is_viewer,
                 s.started_at >= TIMESTAMP '{LAUNCH_ON}' AS launched,
                 poisson(CASE role WHEN 'viewer' THEN 1.55 WHEN 'builder' THEN 2.3 ELSE 2.1 END,
                         u('acts', s.session_id, 0)) AS n
          FROM out.sessions AS s JOIN (SELECT user_id, role FROM work.users) USING (user_id)),
        each AS (
          SELECT b.*, i::INTEGER AS i, u('act', session_id, i) AS x,
                 u('moment', session_id, i) AS moment
          FROM busy AS b, range(n + 1) AS r(i)),
        drawn AS (
          SELECT e.*,
                 CASE WHEN launched AND x < 0.045 THEN 'advanced_analytics_used'
                      ELSE a.event_name END AS action,
                 a.feature_id AS feature
          FROM each AS e JOIN work.actions AS a
            ON a.is_viewer = e.is_viewer AND a.slot = floor(x * 1000)::INTEGER),
        timed AS (
          SELECT *, CASE WHEN i = 0 THEN 'session_start' ELSE action END AS event_name,
                 started_at + to_seconds((CASE WHEN i = 0 THEN 0 ELSE floor(moment * seconds) END)
                                         ::BIGINT) AS occurred_at
          FROM drawn)
        SELECT session_id || '-' || i AS event_id, session_id, user_id, account_id, occurred_at,
               event_name, CASE WHEN i = 0 THEN NULL
                    WHEN launched AND action = 'advanced_analytics_used' AND moment < 0.45
                    THEN (SELECT feature_id FROM out.features
                          WHERE feature_name = '{LAUNCH_FEATURE}')
                    ELSE feature END AS feature_id,
               NULL::VARCHAR AS object_id,
               CASE WHEN recorded_at::DATE > started_at::DATE
                    THEN recorded_at + to_seconds(i::BIGINT)
                    ELSE least(occurred_at + to_seconds((20 + floor(moment * 600))::BIGINT),
                               occurred_at::DATE::TIMESTAMP + INTERVAL 86399 SECOND)
                    END AS recorded_at
        FROM timed;
        """
    )


def _objects(con: duckdb.DuckDBPyConnection) -> None:
    """One object an event that makes one, until its owner or the end of the account archives it."""
    con.execute(
        f"""
        CREATE TABLE out.product_objects AS
        WITH built AS (
          SELECT e.event_id, e.account_id, e.user_id, e.occurred_at, e.recorded_at, w.no,
                 CASE event_name WHEN 'dashboard_created' THEN 'dashboard'
                                 WHEN 'workflow_created' THEN 'workflow' ELSE 'report' END
                   AS object_type,
                 CASE WHEN NOT bought AND NOT w.is_internal THEN w.left_at END AS lapses_at
          FROM out.events AS e
          JOIN (SELECT user_id, no, left_at, is_internal,
                       no IN (SELECT no FROM work.lives) AS bought FROM work.users) AS w
            USING (user_id)
          WHERE event_name IN ('dashboard_created', 'workflow_created')
             OR (event_name = 'report_generated' AND u('saved', event_id, 0) < 0.02)),
        kept AS (
          SELECT b.*,
                 least(occurred_at + to_hours((480 - 24 * 700 * ln(u('archived', event_id, 0)))
                                              ::INTEGER),
                       l.end_on + to_seconds(floor(90000 + 1100000 * u('closed', event_id, 0))
                                             ::BIGINT),
                       lapses_at) AS archived_at,
                 CASE WHEN object_type = 'workflow'
                      THEN 3 + floor(22 * u('nodes', event_id, 0) ** 2)::INTEGER END AS nodes
          FROM built AS b
          ASOF LEFT JOIN (SELECT no, end_on::TIMESTAMP AS end_on FROM work.lives
                          WHERE end_on IS NOT NULL) AS l
            ON l.no = b.no AND l.end_on > b.occurred_at)
        SELECT 'O-' || event_id AS object_id, object_type, account_id,
               user_id AS created_by_user_id, occurred_at AS created_at,
               CASE WHEN archived_at < TIMESTAMP '{END}' THEN archived_at END AS archived_at,
               CASE WHEN object_type <> 'dashboard' AND u('template', event_id, 0) < 0.6
                    THEN 'TPL' || (1 + floor(40 * u('which template', event_id, 0)))::INTEGER
                    END AS template_id,
               nodes AS node_count,
               CASE WHEN nodes IS NOT NULL
                    THEN least(nodes, floor(5 * u('models', event_id, 0) ** 3)::INTEGER)
                    END AS ai_node_count,
               recorded_at
        FROM kept ORDER BY occurred_at, event_id;
        """
    )
