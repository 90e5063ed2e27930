"""The market as analysts see it: rivals, and what all and each of them sell in a year."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import FIRST_DAY, RIVAL, RIVAL_ON

#: id, name, first seen, among the largest three, share of the market, more of it each quarter
_RIVALS = """
  ('C1', 'Halvorsen Analytics', '2014-03-01', true, 0.171, -0.0010),
  ('C2', 'Bluepine', '2016-09-01', true, 0.122, -0.0004),
  ('C3', 'Korvid', '2018-05-01', true, 0.083, 0.0002),
  ('C4', 'Datenwerk', '2019-02-01', false, 0.046, 0.0003),
  ('C5', 'Sorrel', '2020-11-01', false, 0.031, 0.0006),
  ('C6', 'Opal Metrics', '2021-08-01', false, 0.018, 0.0005),
  ('C7', 'Fjordline AI', '2024-05-01', false, 0.004, 0.0034),
  ('C8', 'Quillstack', '2025-02-01', false, 0.002, 0.0041)
"""

#: segment, sales of all in a year when 2023 begins, growth a quarter
_SEGMENTS = """
  ('enterprise', 520000000, 1.021), ('mid_market', 330000000, 1.027), ('smb', 160000000, 1.016)
"""

_REGIONS = """
  ('north_america', 0.44), ('europe', 0.31), ('apac', 0.15), ('latam', 0.06), ('mea', 0.04)
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make competitors and market_estimates.

    An estimate of a quarter is entered in its first weeks. From the day on which it undercuts, one
    rival gains; new ones come in 2024 and 2025.
    """
    con.execute(
        f"""
        CREATE TABLE out.competitors AS
        SELECT id AS competitor_id, name AS competitor_name, seen::DATE AS first_seen_on,
               top AS is_top3
        FROM (VALUES {_RIVALS}) AS v(id, name, seen, top, share, more) ORDER BY id;

        CREATE TABLE out.market_estimates AS
        WITH quarters AS (
          SELECT m // 3 AS q, first AS quarter FROM work.months WHERE m % 3 = 0),
        markets AS (
          SELECT q, quarter, segment, region,
                 base * growth ** q * part
                   * (0.985 + 0.03 * u('market/' || segment, region, q)) AS value
          FROM quarters, (VALUES {_SEGMENTS}) AS s(segment, base, growth),
               (VALUES {_REGIONS}) AS r(region, part)),
        parties AS (
          SELECT q, quarter, segment, region, 'total' AS party, value FROM markets
          UNION ALL
          SELECT q, quarter, segment, region, id,
                 value * (share + more * CASE WHEN seen::DATE > DATE '{FIRST_DAY}'
                            THEN greatest(0, datediff('quarter', seen::DATE, quarter)) ELSE q END
                          + CASE WHEN id = '{RIVAL}' AND quarter >= DATE '{RIVAL_ON}'
                                 THEN 0.008 * (1 + datediff('quarter', DATE '{RIVAL_ON}', quarter))
                                 ELSE 0 END)
                   * (0.96 + 0.08 * u('rival/' || id || segment, region, q))
          FROM markets, (VALUES {_RIVALS}) AS v(id, name, seen, top, share, more)
          WHERE quarter >= seen::DATE)
        SELECT quarter, segment, region, party, round(value, -3)::DECIMAL(18, 2) AS annual_value,
               pick(['Norwood Research', 'Castellan', 'desk research'],
                    u('estimated by', quarter, party)) AS source,
               quarter::TIMESTAMP + to_seconds((3600 * (9 + 24 * 8)
                 + floor(86400 * 9 * u('estimated', quarter, party)))::BIGINT) AS recorded_at
        FROM parties ORDER BY quarter, segment, region, party;
        """
    )
