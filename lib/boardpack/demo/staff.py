"""Who works for the company: employees with their job, their place and whom they report to.

Sellers, those who look after customers and those who lead are named by other tables; they are
employed from before the first row that names them, and stay. The others come and go: a seat is
filled when it is opened, and again some weeks after its holder has left.
"""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, FIRST_DAY

#: id, department, role, team, to whom, since when
_LEADERS = """
  ('E01', 'operations', 'chief_executive_officer', 'executive', NULL, '2018-04-02'),
  ('E02', 'product', 'chief_product_officer', 'executive', 'E01', '2018-04-02'),
  ('E03', 'sales', 'chief_revenue_officer', 'executive', 'E01', '2020-09-07'),
  ('E04', 'finance', 'chief_financial_officer', 'executive', 'E01', '2021-02-01'),
  ('E05', 'engineering', 'chief_technology_officer', 'executive', 'E01', '2018-04-02'),
  ('E06', 'customer_success', 'chief_customer_officer', 'executive', 'E01', '2021-05-03'),
  ('E07', 'operations', 'head_of_data', 'data', 'E12', '2021-09-06'),
  ('E08', 'marketing', 'head_of_marketing', 'marketing', 'E03', '2020-11-02'),
  ('E09', 'support', 'head_of_support', 'support', 'E06', '2020-06-01'),
  ('E10', 'people', 'head_of_people', 'people', 'E01', '2021-10-04'),
  ('E11', 'engineering', 'head_of_engineering', 'platform', 'E05', '2019-07-01'),
  ('E12', 'operations', 'chief_operating_officer', 'executive', 'E01', '2020-01-06'),
  ('E21', 'operations', 'data_analyst', 'data', 'E07', '2021-11-01'),
  ('E22', 'operations', 'data_analyst', 'data', 'E07', '2022-02-07'),
  ('E23', 'operations', 'data_analyst', 'data', 'E07', '2022-06-06'),
  ('E24', 'operations', 'data_analyst', 'data', 'E07', '2022-08-01'),
  ('E31', 'finance', 'controller', 'controlling', 'E04', '2021-04-05'),
  ('E32', 'finance', 'controller', 'controlling', 'E04', '2022-03-07')
"""

#: department, role, team, to whom, number of the first, how many at the start, months to one more,
#: how many in the end
_GROWING = """
  ('customer_success', 'customer_success_manager', 'success', 'E06', 101, 6, 2, 18),
  ('customer_success', 'implementation_manager', 'implementation', 'E06', 121, 3, 6, 8)
"""

#: department, role, team, to whom, seats at the start, more each month
_SEATS = """
  ('engineering', 'engineer', 'analytics', 'E11', 5, 0.06),
  ('engineering', 'engineer', 'automation', 'E11', 5, 0.06),
  ('engineering', 'engineer', 'foundation', 'E11', 5, 0.06),
  ('engineering', 'engineer', 'growth', 'E11', 5, 0.06),
  ('engineering', 'site_reliability_engineer', 'platform', 'E11', 1, 0.09),
  ('engineering', 'quality_engineer', 'platform', 'E11', 1, 0.06),
  ('engineering', 'engineering_manager', 'platform', 'E05', 1, 0.06),
  ('product', 'product_manager', 'product', 'E02', 2, 0.115),
  ('product', 'designer', 'design', 'E02', 1, 0.115),
  ('marketing', 'marketer', 'marketing', 'E08', 3, 0.22),
  ('support', 'support_agent', 'support', 'E09', 5, 0.34),
  ('finance', 'accountant', 'accounting', 'E04', 1, 0.06),
  ('people', 'recruiter', 'people', 'E10', 1, 0.06),
  ('operations', 'systems_administrator', 'systems', 'E12', 1, 0.115),
  ('operations', 'legal_counsel', 'legal', 'E12', 1, 0.03),
  ('sales', 'sales_manager', 'sales', 'E03', 1, 0.06),
  ('sales', 'sales_engineer', 'sales', 'E03', 1, 0.09)
"""

_GIVEN = """[
  'Adriana','Ahmed','Aiko','Alan','Amara','Ana','Andre','Anja','Arjun','Astrid','Ben','Bianca',
  'Carla','Chen','Clara','Daniel','Diego','Elena','Emil','Farah','Felix','Grace','Hana','Hugo',
  'Ines','Ivan','Jamal','Jonas','Julia','Kofi','Lars','Leila','Lucas','Maya','Mei','Miguel',
  'Nadia','Noah','Olga','Omar','Paula','Priya','Rafael','Rosa','Samir','Sofia','Tariq','Tessa',
  'Victor','Yuki']"""
_FAMILY = """[
  'Abadi','Andersen','Baker','Banerjee','Bauer','Becker','Castillo','Chandra','Costa','Duarte',
  'Eriksen','Fischer','Fontaine','Garcia','Goldberg','Haddad','Hansen','Hofmann','Ibrahim',
  'Ishikawa','Jensen','Kaplan','Kim','Kowalski','Larsen','Lindqvist','Marino','Mensah','Meyer',
  'Moreau','Nakamura','Novak','Okafor','Olsen','Park','Patel','Quinn','Reyes','Rossi','Santos',
  'Schmidt','Silva','Tan','Torres','Ueda','Vasquez','Virtanen','Weber','Wong']"""

#: Offices opened one after another; from which day on, and who works where from then on.
_ASIA_ON = "DATE '2024-02-01'"
_OCEANIA_ON = "DATE '2025-03-01'"


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make employees, after the tables whose owners they are."""
    con.execute(
        f"""
        CREATE TABLE work.staff AS
        WITH sellers AS (
          SELECT employee_id, min(quota_kind) AS kind, min(segment) AS segment,
                 min(period_start) AS since
          FROM out.quotas GROUP BY employee_id),
        deals AS (
          SELECT owner_id AS employee_id, min(created_at)::DATE AS since
          FROM work.deals WHERE owner_id IS NOT NULL GROUP BY owner_id),
        carriers AS (
          SELECT employee_id, 'sales' AS department,
                 CASE WHEN kind = 'sqls' THEN 'sdr' WHEN segment = 'enterprise'
                      THEN 'enterprise_ae' ELSE 'inside_sales_ae' END AS role,
                 CASE WHEN kind = 'sqls' THEN 'development' ELSE segment END AS team,
                 'E03' AS manager_id,
                 least(s.since, d.since) - 21
                   - floor(CASE WHEN s.since = DATE '{FIRST_DAY}' THEN 700 ELSE 40 END
                           * u('hired', employee_id, 0))::INTEGER AS hired, NULL::DATE AS leaves
          FROM sellers AS s LEFT JOIN deals AS d USING (employee_id)),
        growing AS (
          SELECT 'E' || (base + i) AS employee_id, department, role, team, manager_id,
                 CASE WHEN i < early
                      THEN DATE '{FIRST_DAY}' - 90 - floor(800 * u('hired', base + i, 0))::INTEGER
                      ELSE (DATE '{FIRST_DAY}' + to_months((every * (i - early + 1))::INTEGER))
                           ::DATE - 10 - floor(30 * u('hired', base + i, 0))::INTEGER END AS hired,
                 NULL::DATE AS leaves
          FROM (VALUES {_GROWING})
                 AS v(department, role, team, manager_id, base, early, every, finally),
               range(finally) AS r(i)),
        seats AS (
          SELECT *, team || '/' || role || '/' || i AS seat,
                 CASE WHEN i < early
                      THEN DATE '{FIRST_DAY}' - 30
                           - floor(1100 * u('opened', team || role, i))::INTEGER
                      ELSE DATE '{FIRST_DAY}' + floor(30.4 * (i - early + 0.2
                             + 0.7 * u('opened', team || role, i)) / more)::INTEGER END AS opened
          FROM (VALUES {_SEATS}) AS v(department, role, team, manager_id, early, more),
               range(early + floor(more * 36)::INTEGER) AS r(i)),
        held AS (
          SELECT s.*, k,
                 (180 - 1500 * ln(u('stays', seat, k)))::INTEGER AS tenure,
                 (25 + floor(50 * u('filled', seat, k)))::INTEGER AS vacant
          FROM seats AS s, range(8) AS r(k)),
        chains AS (
          SELECT *, opened + coalesce(sum(tenure + vacant) OVER before, 0)::INTEGER AS hired
          FROM held
          WINDOW before AS (PARTITION BY seat ORDER BY k
                            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
        holders AS (
          SELECT 'E' || (400 + row_number() OVER (ORDER BY hired, seat, k)) AS employee_id,
                 department, role, team, manager_id, hired,
                 date_trunc('month', hired + tenure + 25)::DATE AS leaves
          FROM chains WHERE hired < DATE '{END}' - 7)
        SELECT * FROM carriers UNION ALL SELECT * FROM growing UNION ALL SELECT * FROM holders
        UNION ALL
        SELECT id, department, role, team, manager_id, since::DATE, NULL
        FROM (VALUES {_LEADERS}) AS v(id, department, role, team, manager_id, since);

        CREATE TABLE out.employees AS
        WITH started AS (
          SELECT *, date_trunc('week', hired)::DATE AS hired_on,
                 row_number() OVER (ORDER BY employee_id) * 997
                   + (hash(getvariable('seed')) % 2450)::BIGINT AS name_no,
                 u('works in', employee_id, 0) AS x
          FROM work.staff),
        placed AS (
          SELECT *, CASE WHEN hired_on >= {_OCEANIA_ON} AND x < 0.06 THEN 'Australia'
                         WHEN hired_on >= {_ASIA_ON} AND x < 0.16 THEN 'Singapore'
                         WHEN hired_on >= {_ASIA_ON} AND x < 0.24 THEN 'India'
                         WHEN x < 0.42 THEN 'Germany' WHEN x < 0.55 THEN 'United Kingdom'
                         WHEN x < 0.92 THEN 'United States' ELSE 'Canada' END AS country
          FROM started)
        SELECT employee_id,
               ({_GIVEN})[1 + name_no % 50] || ' ' || ({_FAMILY})[1 + (name_no // 50) % 49]
                 AS full_name,
               department, role, team, manager_id, country,
               CASE country WHEN 'Australia' THEN 'Oceania' WHEN 'Singapore' THEN 'Asia'
                            WHEN 'India' THEN 'Asia' WHEN 'Germany' THEN 'Europe'
                            WHEN 'United Kingdom' THEN 'Europe' ELSE 'North America' END
                 AS continent,
               hired_on, CASE WHEN leaves < DATE '{END}' THEN leaves END AS left_on,
               employee_id IN (SELECT employee_id FROM out.quotas) AS is_quota_carrying
        FROM placed ORDER BY employee_id;
        """
    )
