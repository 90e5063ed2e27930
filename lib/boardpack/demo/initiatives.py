"""What the company undertakes and what it finds out: monthly reports of initiatives, insights."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, OUTAGE_ON, RIVAL_ON, WHALE_LEAVES

#: name, owner, start, days planned, pace, the day from which it changes and by how much
_INITIATIVES = f"""
  ('Self-service onboarding', 'E02', '2023-01-09', 170, 1.02, NULL, 1),
  ('Single sign-on and audit log', 'E05', '2023-02-06', 210, 0.93, NULL, 1),
  ('European hosting', 'E05', '2023-03-06', 330, 0.99, NULL, 1),
  ('Partner programme', 'E03', '2023-04-03', 290, 0.86, NULL, 1),
  ('Revenue operations in one place', 'E04', '2023-06-05', 200, 1.08, NULL, 1),
  ('Support around the clock', 'E06', '2023-08-07', 240, 1.01, NULL, 1),
  ('Series B', 'E01', '2023-09-04', 225, 1.0, NULL, 1),
  ('Mobile dashboards', 'E02', '2023-10-02', 260, 0.82, NULL, 1),
  ('Quality management of data', 'E07', '2024-01-08', 300, 1.04, NULL, 1),
  ('Enterprise sales team', 'E03', '2024-02-05', 310, 0.97, NULL, 1),
  ('Usage-based pricing', 'E04', '2024-04-08', 250, 0.9, NULL, 1),
  ('Workflow templates', 'E02', '2024-05-06', 220, 1.1, NULL, 1),
  ('Security certification', 'E05', '2024-06-03', 350, 0.96, NULL, 1),
  ('Customer advisory board', 'E06', '2024-09-02', 190, 1.0, NULL, 1),
  ('Price review of small plans', 'E04', '2024-10-07', 160, 1.0, NULL, 1),
  ('AI assistant', 'E02', '2024-11-04', 218, 1.0, NULL, 1),
  ('Analytics for healthcare', 'E03', '2025-01-13', 300, 0.84, NULL, 1),
  ('Retention of small customers', 'E06', '2025-04-07', 240, 0.97, NULL, 1),
  ('Data residency in Asia', 'E05', '2025-03-10', 330, 0.9, NULL, 1),
  ('Customer success programme', 'E06', '2025-06-09', 270, 1.12, '{WHALE_LEAVES}', 0.98),
  ('Platform performance', 'E05', '2025-05-12', 280, 1.01, '{OUTAGE_ON}', 0.28),
  ('Answer to the price of rivals', 'E04', '2025-08-18', 190, 0.95, '{RIVAL_ON}', 0.72),
  ('Q4 enterprise features', 'E02', '2025-09-01', 145, 1.01, NULL, 1),
  ('Planning for three years', 'E01', '2025-10-06', 140, 1.0, NULL, 1)
"""

#: A milestone of each initiative: what it is, and after what share of the way.
_MILESTONES = """
  ('plan approved', 0.2), ('first customers live', 0.6), ('in general use', 1.0)
"""

#: What insights are about, how often, and in which months of 2025 they come thick.
_ABOUT = [
    "customer_churn_rate", "net_revenue_retention", "expansion_mrr", "nps", "csat",
    "trial_to_paid_conversion", "win_rate", "cac", "dau_mau_ratio", "feature_adoption_rate",
    "system_uptime", "api_response_time_p95", "error_rate", "support_ticket_volume",
    "first_response_time", "sql_to_customer_conversion", "gross_margin", "competitive_win_rate",
]  # fmt: skip


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make initiatives and insights."""
    _initiatives(con)
    _insights(con)


def _initiatives(con: duckdb.DuckDBPyConnection) -> None:
    """A report on the last day of each month, from the start until it is done.

    Progress is that of work: whoever loses pace falls behind the plan, month by month, and a
    milestone is reached on the day on which the work has come so far.
    """
    con.execute(
        f"""
        CREATE TABLE work.undertaken AS
        WITH known AS (
          SELECT row_number() OVER (ORDER BY start, name) AS n, name, owner, days,
                 start::DATE AS start,
                 pace * (1.01 + 0.03 * u('pace', name, 0)) AS pace,
                 greatest(coalesce(turn::DATE, DATE '{END}') - start::DATE, 0) AS until, turned
          FROM (VALUES {_INITIATIVES}) AS v(name, owner, start, days, pace, turn, turned)),
        numbered AS (
          SELECT *, 'I' || lpad(n::VARCHAR, 2, '0') AS id FROM known),
        parts AS (
          SELECT id AS initiative_id, 'initiative' AS type, name AS said, owner, start, days, pace,
                 until, turned, 1.0 AS share
          FROM numbered
          UNION ALL
          SELECT id || '-M' || row_number() OVER (PARTITION BY id ORDER BY reached), 'milestone',
                 name || ': ' || what, owner, start, days, pace, until, turned, reached
          FROM numbered, (VALUES {_MILESTONES}) AS m(what, reached))
        SELECT initiative_id, said, type, owner, start, pace, until, turned,
               days * share AS work, start + (days * share)::INTEGER AS due_on,
               start + ceil(CASE WHEN days * share <= pace * until THEN days * share / pace
                    ELSE until + (days * share - pace * until) / (pace * turned) END)::INTEGER
                 AS finished_on
        FROM parts;

        CREATE TABLE out.initiatives AS
        WITH reported AS (
          SELECT t.*, next - 1 AS reported_on,
                 least(next - 1 - start, until) * pace
                   + greatest(next - 1 - start - until, 0) * pace * turned AS done_work
          FROM work.undertaken AS t JOIN work.months
            ON next > start AND first <= finished_on),
        rated AS (
          SELECT *, finished_on <= reported_on AS is_done,
                 CASE WHEN finished_on <= reported_on THEN 100
                      ELSE least(99, round(100 * done_work / work)) END AS progress,
                 least(100, round(100 * (reported_on - start) / (due_on - start))) AS planned
          FROM reported)
        SELECT initiative_id, reported_on, said AS initiative_name, type AS initiative_type,
               owner AS owner_id, due_on,
               CASE WHEN is_done THEN finished_on END AS completed_on,
               progress::DECIMAL(18, 2) AS progress_pct,
               planned::DECIMAL(18, 2) AS planned_progress_pct,
               CASE WHEN is_done THEN 'done'
                    WHEN reported_on > due_on THEN 'off_track'
                    WHEN progress >= planned + 5 THEN 'ahead'
                    WHEN progress >= planned - 5 THEN 'on_track'
                    WHEN progress >= planned - 25 THEN 'needs_attention'
                    ELSE 'off_track' END AS status,
               known_on(reported_on, 'initiatives', initiative_id || reported_on) AS recorded_at
        FROM rated ORDER BY initiative_id, reported_on;
        """
    )


def _insights(con: duckdb.DuckDBPyConnection) -> None:
    """Some ten a month, more after something has happened."""
    con.execute(
        f"""
        CREATE TABLE out.insights AS
        WITH drawn AS (
          SELECT m, i::INTEGER AS i, m * 100 + i AS no, first, days,
                 (floor(days * u('found on', m, i)))::INTEGER AS day_
          FROM work.months,
               range((9 + m // 5 + CASE WHEN first IN (DATE '2025-03-01', DATE '2025-06-01',
                      DATE '2025-09-01', DATE '2025-10-01', DATE '2025-11-01')
                      THEN 6 ELSE 0 END + floor(4 * u('found', m, 0)))::INTEGER) AS r(i)),
        timed AS (
          SELECT *, first + day_ - CASE WHEN is_weekend(first + day_) AND day_ >= 2 THEN 2
                                        ELSE 0 END AS day FROM drawn),
        found AS (
          SELECT *, day::TIMESTAMP + to_seconds((30600 + floor(28000 * u('found at', no, 0)))
                                                ::BIGINT) AS detected_at,
                 u('weighed', no, 0) AS x
          FROM timed),
        begun AS (SELECT engagement_id, kickoff_on FROM out.engagements)
        SELECT 'IN' || lpad(row_number() OVER insight::VARCHAR, 4, '0') AS insight_id,
               CASE WHEN u('for a client', no, 0) < 0.4 THEN engagement_id END AS engagement_id,
               pick({_ABOUT}, u('about', no, 0)) AS kpi_id,
               pick(['outlier', 'trend', 'trend', 'gap_between_segments', 'cause'],
                    u('kind of', no, 0)) AS insight_type,
               pick(['E21', 'E22', 'E23', 'E24'], u('finder', no, 0)) AS found_by,
               detected_at,
               CASE WHEN detected_at >= TIMESTAMP '{END}' - to_days((5 + floor(24 * x))::INTEGER)
                    THEN 'new'
                    WHEN x < 0.46 THEN 'actioned' WHEN x < 0.74 THEN 'reviewed'
                    ELSE 'dismissed' END AS status,
               known_at(detected_at, 'insights', no) AS recorded_at
        FROM found ASOF LEFT JOIN begun ON kickoff_on <= day
        WINDOW insight AS (ORDER BY detected_at, no)
        ORDER BY insight_id;
        """
    )
