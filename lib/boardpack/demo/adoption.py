"""Who has come to use what: each user beside each of six features, from their events."""

from __future__ import annotations

import duckdb

#: The features whose spread among new users is followed, and the weeks at which it is looked at.
FEATURES = (
    "dashboard_builder", "data_connections", "automated_reports", "advanced_analytics", "api",
    "team_collaboration",
)  # fmt: skip
WEEKS = (1, 4, 12, 24, 52)


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make user_features, of the users whose sessions are kept.

    A row is there from the making of the seat; each moment in it is that of the first event of the
    feature, ever or in one week of the seat's life.
    """
    weeks = ", ".join(
        f"min(occurred_at) FILTER (week = {week}) AS used_in_week_{week}" for week in WEEKS
    )
    con.execute(
        f"""
        CREATE TABLE out.user_features AS
        WITH pairs AS (
          SELECT user_id, account_id, created_at, feature_id, feature_name AS feature
          FROM work.users, out.features
          WHERE u('sampled', uid, 0) < getvariable('scale')
            AND feature_name IN {FEATURES}),
        used AS (
          SELECT user_id, feature_id, occurred_at,
                 1 + datediff('second', created_at, occurred_at) // 604800 AS week
          FROM out.events JOIN pairs USING (user_id, feature_id))
        SELECT user_id, feature, any_value(account_id) AS account_id,
               any_value(created_at) AS created_at, min(occurred_at) AS first_used_at, {weeks}
        FROM pairs LEFT JOIN used USING (user_id, feature_id)
        GROUP BY user_id, feature ORDER BY user_id, feature;
        """
    )
