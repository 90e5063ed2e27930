"""What is done for new customers before they are on their own: implementations and migrations."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, OUTAGE_ON, OUTAGE_REGION

#: Days late of what was under way in the region when it was down.
_OUTAGE_DELAY = 11


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make projects, after accounts and employees.

    Every customer won by a seller is set up by an implementation manager, and nearly everyone who
    comes from a competitor has data moved. Most end by the day that was planned, more of them year
    by year. Whoever leaves before the end cancels.
    """
    con.execute(
        f"""
        CREATE TABLE work.projects AS
        WITH customers AS (
          SELECT l.no, l.account_id, a.segment, a.region, a.sales_motion, l.start_on, l.end_on,
                 a.switched_from_competitor_id IS NOT NULL AS switches,
                 datediff('month', DATE '2023-01-01', l.start_on) AS m
          FROM work.lives AS l JOIN out.accounts AS a USING (account_id)
          WHERE l.life = 1 AND l.kind <> 'founding'),
        agreed AS (
          SELECT *, 'implementation' AS type,
                 CASE segment WHEN 'enterprise' THEN 62 + 45 * u('takes', no, 0)
                              WHEN 'mid_market' THEN 26 + 20 * u('takes', no, 0)
                              ELSE 12 + 8 * u('takes', no, 0) END AS days
          FROM customers WHERE sales_motion <> 'self_service'
          UNION ALL
          SELECT *, 'migration',
                 CASE segment WHEN 'enterprise' THEN 38 + 24 * u('moves', no, 0)
                              WHEN 'mid_market' THEN 18 + 12 * u('moves', no, 0)
                              ELSE 8 + 8 * u('moves', no, 0) END
          FROM customers WHERE switches AND u('migrates', no, 0) < 0.93),
        planned AS (
          SELECT *, type || '/' || no AS draw, start_on + 3 + floor(7 * u('begins', no, 0))::INTEGER
                   AS begins, start_on + days::INTEGER AS due
          FROM agreed),
        moved AS (
          SELECT * REPLACE (begins + CASE WHEN is_weekend(begins) THEN 8 - isodow(begins)
                                          ELSE 0 END::INTEGER AS begins,
                            due - CASE WHEN is_weekend(due) THEN isodow(due) - 5 ELSE 0 END::INTEGER
                              AS due)
          FROM planned),
        worked AS (
          SELECT *, CASE WHEN u('in time', draw, 0) < 0.84 + 0.003 * m
                              - CASE WHEN segment = 'enterprise' THEN 0.04 ELSE 0 END
                         THEN due - floor(7 * u('early', draw, 0))::INTEGER
                         ELSE due + 2 + floor(-12 * ln(u('late by', draw, 0)))::INTEGER END AS ends
          FROM moved),
        delayed AS (
          SELECT *, greatest(begins, ends + CASE
                   WHEN region = '{OUTAGE_REGION}' AND begins <= DATE '{OUTAGE_ON}'
                        AND ends >= DATE '{OUTAGE_ON}' THEN {_OUTAGE_DELAY} ELSE 0 END) AS ended
          FROM worked),
        finished AS (
          SELECT *, ended - CASE WHEN is_weekend(ended) THEN isodow(ended) - 5 ELSE 0 END::INTEGER
                   AS completed,
                 CASE WHEN end_on <= ended THEN end_on
                      WHEN u('given up', draw, 0) < 0.015
                      THEN begins + ((due - begins) * u('given up on', draw, 0))::INTEGER END
                   AS given_up
          FROM delayed)
        SELECT * REPLACE (CASE WHEN given_up IS NULL THEN greatest(begins, completed) END
                            AS completed)
        FROM finished;

        CREATE TABLE out.projects AS
        WITH managers AS (
          SELECT employee_id, hired_on FROM out.employees WHERE role = 'implementation_manager'),
        staffed AS (
          SELECT p.draw, arg_min(employee_id, u('manages', p.draw, employee_id)) AS manager_id
          FROM work.projects AS p JOIN managers ON hired_on <= p.start_on GROUP BY p.draw),
        seen AS (
          SELECT *, CASE WHEN completed < DATE '{END}' THEN completed END AS actual_end,
                 CASE WHEN given_up < DATE '{END}' THEN given_up END AS cancelled_on,
                 CASE WHEN begins < DATE '{END}' AND coalesce(given_up > begins, true)
                      THEN begins END AS actual_start
          FROM work.projects)
        SELECT 'P' || lpad(row_number() OVER project::VARCHAR, 4, '0') AS project_id, account_id,
               type AS project_type, manager_id, start_on AS agreed_on, due AS planned_end,
               actual_start, actual_end, cancelled_on,
               CASE WHEN cancelled_on IS NOT NULL THEN 'cancelled'
                    WHEN actual_end IS NOT NULL THEN 'completed'
                    WHEN actual_start IS NOT NULL THEN 'active' ELSE 'planned' END AS status,
               known_on(start_on, 'agreed', s.draw) AS recorded_at
        FROM seen AS s JOIN staffed USING (draw)
        WINDOW project AS (ORDER BY start_on, s.draw) ORDER BY project_id;
        """
    )
