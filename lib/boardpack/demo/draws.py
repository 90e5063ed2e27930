"""Chance without randomness: SQL macros that draw from the hash of a row's own key and the seed.

A draw depends on nothing but its arguments, so the same seed gives the same rows whatever the
number of threads and the order in which they work.
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY, MONTHS

_MACROS = """
CREATE MACRO u(tag, a, b) AS
  ((hash(tag, a, b, getvariable('seed')) >> 11)::DOUBLE + 0.5) / 9007199254740992.0;

CREATE MACRO normal(tag, a, b) AS
  sqrt(-2 * ln(u(tag || '/radius', a, b))) * cos(2 * pi() * u(tag || '/angle', a, b));

CREATE MACRO pick(choices, x) AS choices[1 + floor(x * len(choices))::INTEGER];

CREATE MACRO poisson(rate, x) AS
  (x > exp(-rate))::INTEGER
  + (x > exp(-rate) * (1 + rate))::INTEGER
  + (x > exp(-rate) * (1 + rate + rate ** 2 / 2))::INTEGER
  + (x > exp(-rate) * (1 + rate + rate ** 2 / 2 + rate ** 3 / 6))::INTEGER
  + (x > exp(-rate) * (1 + rate + rate ** 2 / 2 + rate ** 3 / 6 + rate ** 4 / 24))::INTEGER;

-- Two rows in a hundred are recorded 1 to 20 days late, unless that lies beyond the data.
CREATE MACRO days_late(day, tag, id) AS
  CASE WHEN u('late/' || tag, id, 0) < 0.02
            AND day + (1 + floor(u('late by/' || tag, id, 0) * 20))::INTEGER < {end}
       THEN (1 + floor(u('late by/' || tag, id, 0) * 20))::INTEGER ELSE 0 END;

CREATE MACRO known_on(day, tag, id) AS
  (day + days_late(day, tag, id))::TIMESTAMP
  + to_seconds((28800 + floor(u('known/' || tag, id, 0) * 57000))::BIGINT);

CREATE MACRO known_at(moment, tag, id) AS
  CASE WHEN days_late(moment::DATE, tag, id) > 0
       THEN (moment::DATE + days_late(moment::DATE, tag, id))::TIMESTAMP
            + to_seconds(floor(u('known/' || tag, id, 0) * 86000)::BIGINT)
       ELSE least(moment + to_seconds((20 + floor(u('known/' || tag, id, 0) * 1200))::BIGINT),
                  moment::DATE::TIMESTAMP + INTERVAL 86399 SECOND) END;

-- The middle of the working day in UTC, in minutes.
CREATE MACRO noon(region) AS
  CASE region WHEN 'north_america' THEN 1050 WHEN 'latam' THEN 990 WHEN 'europe' THEN 690
              WHEN 'mea' THEN 600 ELSE 300 END;

CREATE MACRO is_weekend(day) AS isodow(day) >= 6;
"""


def prepare(con: duckdb.DuckDBPyConnection, *, seed: int, scale: float) -> None:
    """Give a connection the macros, the variables ``seed`` and ``scale``, and ``work.months``.

    ``work.months`` has one row a month: its number ``m`` from 0, ``first`` and ``next`` day, days.

    >>> con = duckdb.connect()
    >>> prepare(con, seed=7, scale=1.0)
    >>> con.execute("SELECT count(*), max(first)::VARCHAR FROM work.months").fetchone()
    (36, '2025-12-01')
    """
    con.execute(f"SET VARIABLE seed = {seed}::BIGINT; SET VARIABLE scale = {scale}::DOUBLE")
    con.execute(_MACROS.format(end=f"DATE '{END}'"))
    con.execute(
        f"""
        CREATE SCHEMA work;
        CREATE TABLE work.months AS
        SELECT m::INTEGER AS m, first, (first + INTERVAL 1 MONTH)::DATE AS next,
               (first + INTERVAL 1 MONTH)::DATE - first AS days
        FROM (SELECT m, (DATE '{FIRST_DAY}' + to_months(m::INTEGER))::DATE AS first
              FROM range({MONTHS}) AS r(m))
        """
    )
