"""How the product is built: work items, sprints and scans of the code."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY

_TEAMS = "['analytics', 'automation', 'foundation', 'growth']"


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make work_items, sprints (of two weeks, with the points of their items) and code scans."""
    _items(con)
    _sprints(con)
    _scans(con)


def _items(con: duckdb.DuckDBPyConnection) -> None:
    """Bugs and debt are released when they are resolved; a feature goes out days later.

    A customer asks for a feature while it is a customer. Some features are never built.
    """
    con.execute(
        f"""
        CREATE TABLE out.work_items AS
        WITH counted AS (
          SELECT m, first, days, kind, i::INTEGER AS i, kind || '/' || m || '/' || i AS draw
          FROM work.months,
               (VALUES ('bug', 132), ('feature', 82), ('tech_debt', 27)) AS k(kind, often),
               range((often * (0.93 + 0.004 * m + 0.1 * u('items', m, kind)))::INTEGER) AS r(i)),
        made AS (
          SELECT *, first::TIMESTAMP + to_seconds(floor(days * 86400 * u('made', draw, 0))::BIGINT)
                   AS created_at,
                 pick({_TEAMS}, u('team', draw, 0)) AS team,
                 kind = 'bug' AND u('severity', draw, 0) < 0.13 AS critical,
                 kind = 'feature' AND u('asked for', draw, 0) < 0.48 AS requested,
                 kind = 'feature' AND u('roadmap', draw, 0) < 0.46 AS is_roadmap,
                 kind = 'feature' AND u('roadmap', draw, 0) < 0.075 AS is_enterprise_feature,
                 kind <> 'bug' AND u('built', draw, 0) > CASE kind WHEN 'feature' THEN 0.84
                                                                  ELSE 0.9 END AS never,
                 CASE kind WHEN 'bug' THEN pick([0.5, 0.5, 1, 1, 2], u('points', draw, 0))
                           WHEN 'feature' THEN pick([2, 3, 3, 5, 8], u('points', draw, 0))
                           ELSE pick([1, 2, 3, 5], u('points', draw, 0)) END AS points
          FROM counted),
        done AS (
          SELECT *, CASE WHEN kind = 'feature'
                         THEN created_at - to_hours((24 * (2 + 9 * u('idea', draw, 0)))::INTEGER)
                         END AS concept_at,
                 CASE WHEN NOT never THEN created_at + to_seconds(floor(3600 * CASE
                     WHEN critical THEN 11 WHEN kind = 'bug' THEN 52
                     WHEN kind = 'feature' THEN 520 ELSE 480 END
                   * (1.2 - 0.011 * m) * exp(CASE kind WHEN 'bug' THEN 0.8 ELSE 0.75 END
                                             * normal('takes', draw, 0)))::BIGINT)
                   END AS resolved
          FROM made),
        out_there AS (
          SELECT *, CASE kind WHEN 'feature'
                    THEN resolved + to_seconds(floor(86400 * 6 * u('goes out', draw, 0))::BIGINT)
                    ELSE resolved END AS released
          FROM done),
        planned AS (
          SELECT *, CASE WHEN NOT is_roadmap THEN NULL
                         WHEN released IS NULL
                         THEN created_at::DATE + 45 + floor(60 * u('plan', draw, 0))::INTEGER
                         WHEN u('on time', draw, 0) < 0.80 + 0.0034 * m
                         THEN released::DATE + floor(9 * u('plan', draw, 0))::INTEGER
                         ELSE greatest(created_at::DATE,
                                       released::DATE - 1 - floor(24 * u('plan', draw, 0))::INTEGER)
                         END AS planned_release_on
          FROM out_there),
        customers AS (
          SELECT account_id, start_on, end_on,
                 row_number() OVER (ORDER BY life_no) - 1 AS place, count(*) OVER () AS n
          FROM work.lives),
        asking AS (
          SELECT p.draw, arg_min(c.account_id, u('asks', p.draw, c.account_id)) AS account_id
          FROM (SELECT draw, created_at FROM planned WHERE requested) AS p
          JOIN customers AS c
            ON c.place % 12 = floor(12 * u('asks', p.draw, 0))::INTEGER
           AND c.start_on <= p.created_at::DATE
           AND (c.end_on IS NULL OR c.end_on > p.created_at::DATE)
          GROUP BY p.draw)
        SELECT 'I' || lpad(row_number() OVER item::VARCHAR, 5, '0') AS item_id,
               kind AS item_type,
               CASE WHEN kind = 'bug' THEN CASE WHEN critical THEN 'critical' ELSE 'standard' END
                    END AS severity,
               CASE WHEN resolved < TIMESTAMP '{END}' - INTERVAL 3 DAY
                    THEN 'SP' || lpad(((resolved::DATE - DATE '2023-01-02') // 14 + 1)::VARCHAR,
                                      2, '0') || '-' || team END AS sprint_id,
               points::DECIMAL(18, 2) AS story_points, is_roadmap, is_enterprise_feature,
               a.account_id AS requested_by_account_id, concept_at, created_at,
               CASE WHEN resolved < TIMESTAMP '{END}' THEN resolved END AS resolved_at,
               CASE WHEN released < TIMESTAMP '{END}' THEN released END AS released_at,
               planned_release_on, known_at(created_at, 'items', p.draw) AS recorded_at
        FROM planned AS p LEFT JOIN asking AS a USING (draw)
        WHERE created_at >= TIMESTAMP '2023-01-02'
        WINDOW item AS (ORDER BY created_at, p.draw)
        ORDER BY item_id;
        """
    )


def _sprints(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"""
        CREATE TABLE out.sprints AS
        WITH planned AS (
          SELECT n, (DATE '2023-01-02' + 14 * n::INTEGER)::DATE AS start_on, team,
                 (5 + n // 26 + (u('big team', team, 0) < 0.5)::INTEGER
                  - 0.5 * (u('away', team, n) < 0.3)::INTEGER) AS engineers
          FROM range(78) AS r(n), (SELECT unnest({_TEAMS}) AS team)),
        finished AS (
          SELECT sprint_id, sum(story_points) AS points FROM out.work_items GROUP BY ALL)
        SELECT 'SP' || lpad((n + 1)::VARCHAR, 2, '0') || '-' || team AS sprint_id, team, start_on,
               start_on + 13 AS end_on,
               round(coalesce(points, 0) * (1.12 + 0.12 * u('room', team, n)), 1)::DECIMAL(18, 2)
                 AS capacity_points,
               round(coalesce(points, 0) * (0.98 + 0.2 * u('promised', team, n)), 1)
                 ::DECIMAL(18, 2) AS committed_points,
               coalesce(points, 0)::DECIMAL(18, 2) AS completed_points,
               engineers::DECIMAL(18, 2) AS engineers
        FROM planned LEFT JOIN finished
          ON sprint_id = 'SP' || lpad((n + 1)::VARCHAR, 2, '0') || '-' || team
        ORDER BY start_on, team;
        """
    )


def _scans(con: duckdb.DuckDBPyConnection) -> None:
    """Every repository once a week; the newest scan of each says how it stands."""
    con.execute(
        f"""
        CREATE TABLE out.code_quality_scans AS
        WITH weeks AS (
          SELECT w::INTEGER AS w, (DATE '{FIRST_DAY}' + 7 * w::INTEGER)::DATE AS scanned_on, k.*,
                 (lines * (1 + 0.0052 * w))::INTEGER AS lines_of_code,
                 (modules_before * (1 + 0.0040 * w))::INTEGER AS modules
          FROM range(157) AS r(w),
               (VALUES ('application', 310000, 940, 7.5, 0.082, 0.11),
                       ('services', 190000, 610, 7.9, 0.060, 0.08),
                       ('web', 240000, 720, 7.2, 0.094, 0.13))
                 AS k(repository, lines, modules_before, quality, debt, broken))
        SELECT scanned_on, repository,
               least(10, quality + 0.0055 * w + 0.16 * (u('scan', repository, w) - 0.5))
                 ::DECIMAL(18, 2) AS quality_score,
               round(lines_of_code * 0.62 * debt * (1 - 0.0018 * w)
                     * (0.97 + 0.06 * u('debt', repository, w)))::INTEGER AS debt_minutes,
               round(lines_of_code * 0.62)::INTEGER AS development_minutes,
               round(modules * broken * (1 - 0.0022 * w)
                     * (0.95 + 0.1 * u('broken', repository, w)))::INTEGER
                 AS architecture_violations,
               modules, lines_of_code,
               CASE WHEN w < 156 THEN scanned_on + 7 END AS superseded_on
        FROM weeks WHERE scanned_on < DATE '{END}' ORDER BY scanned_on, repository;
        """
    )
