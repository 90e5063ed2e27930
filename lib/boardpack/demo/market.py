"""How the market sees the company: e-mails and what came of them, and values entered by hand."""

from __future__ import annotations

import duckdb

from boardpack.demo.story import END, PUSH_ON, PUSH_UNTIL

#: kpi, market or channel, level at the beginning, rise a quarter, spread, respondents or mentions
_STUDIES = """
  ('aided_brand_awareness', 'north_america', 34, 1.7, 0.08, 620, 'Brand tracker'),
  ('aided_brand_awareness', 'europe', 28, 1.5, 0.08, 540, 'Brand tracker'),
  ('aided_brand_awareness', 'apac', 17, 1.2, 0.10, 310, 'Brand tracker'),
  ('unaided_brand_awareness', 'north_america', 11, 0.9, 0.12, 620, 'Brand tracker'),
  ('unaided_brand_awareness', 'europe', 8, 0.8, 0.12, 540, 'Brand tracker'),
  ('unaided_brand_awareness', 'apac', 4, 0.5, 0.16, 310, 'Brand tracker'),
  ('share_of_voice', 'press', 7, 0.5, 0.15, 900, 'Media monitor'),
  ('share_of_voice', 'social', 11, 0.4, 0.18, 5400, 'Media monitor'),
  ('share_of_voice', 'reviews', 9, 0.6, 0.12, 760, 'Media monitor'),
  ('market_position_rank', 'mid-market BI', 9, -0.38, 1.4, NULL, 'Peer grid'),
  ('market_position_rank', 'workflow automation', 12, -0.3, 1.6, NULL, 'Peer grid')
"""

#: analyst firm, report, first quarter as a leader, every how many quarters it comes out
_LEADERS = """
  ('Norwood Research', 'Data platforms', 0, 4), ('Castellan', 'Analytics wave', 5, 4),
  ('Hartmann & Lee', 'Automation map', 9, 4), ('Norwood Research', 'BI landscape', 3, 4)
"""


def build(con: duckdb.DuckDBPyConnection) -> None:
    """Make email_sends and manual_inputs."""
    _emails(con)
    _inputs(con)


def _emails(con: duckdb.DuckDBPyConnection) -> None:
    """Some 25 batches a month, on working days; the push of advertising sends more, read less."""
    con.execute(
        f"""
        CREATE TABLE out.email_sends AS
        WITH batches AS (
          SELECT m, i::INTEGER AS i, first, days, m * 1000 + i AS no,
                 first >= DATE '{PUSH_ON}' AND first < DATE '{PUSH_UNTIL}' AS pushed
          FROM work.months,
               range((22 + m // 6 + CASE WHEN first = DATE '{PUSH_ON}' THEN 12 ELSE 0 END)::INTEGER)
                 AS r(i)),
        dated AS (
          SELECT *, first + floor(days * u('mails on', no, 0))::INTEGER AS drawn_day FROM batches),
        placed AS (
          SELECT *, CASE WHEN is_weekend(drawn_day) AND day(drawn_day) > 2 THEN drawn_day - 2
                         ELSE drawn_day END AS day,
                 pick(['newsletter', 'newsletter', 'product news', 'webinar', 'trial nurture',
                       'trial nurture'], u('mailing', no, 0)) AS kind
          FROM dated),
        sent AS (
          SELECT *, day::TIMESTAMP + to_seconds(27000 + floor(30000 * u('mails at', no, 0))::BIGINT)
                   AS sent_at,
                 round(CASE kind WHEN 'newsletter' THEN 7200 WHEN 'trial nurture' THEN 900
                                 ELSE 3600 END * (1 + 0.035 * m)
                       * (0.7 + 0.6 * u('mailed', no, 0)))::INTEGER AS delivered
          FROM placed),
        opened AS (
          SELECT *, round(delivered * (CASE kind WHEN 'trial nurture' THEN 0.43
                                                 WHEN 'newsletter' THEN 0.26 ELSE 0.31 END
                                       + 0.0006 * m) * (0.85 + 0.3 * u('opens', no, 0))
                          * CASE WHEN pushed THEN 0.8 ELSE 1 END)::INTEGER AS unique_opens
          FROM sent),
        clicked AS (
          SELECT *, round(unique_opens * CASE kind WHEN 'trial nurture' THEN 0.17 ELSE 0.125 END
                          * (0.8 + 0.4 * u('clicks', no, 0)))::INTEGER AS unique_clicks
          FROM opened)
        SELECT 'ES' || lpad(row_number() OVER batch::VARCHAR, 4, '0') AS send_id,
               'M' || strftime(day, '%y%m') || '-' || replace(kind, ' ', '_') AS campaign_id,
               sent_at, delivered, unique_opens, unique_clicks,
               round(unique_clicks * CASE kind WHEN 'webinar' THEN 0.42 ELSE 0.22 END
                     * (0.7 + 0.6 * u('does as asked', no, 0)))::INTEGER AS conversions,
               known_at(sent_at, 'mails', no) AS recorded_at
        FROM clicked WINDOW batch AS (ORDER BY sent_at, no)
        ORDER BY send_id;
        """
    )


def _inputs(con: duckdb.DuckDBPyConnection) -> None:
    """Studies by the quarter, leaders by analyst firm, ratings of a panel, things published.

    A value is entered and then verified by somebody else before its quarter ends, so that a report
    of the quarter has it; a few are rejected, and a few wrong ones superseded. A value stands until
    the next of its key is verified, or until one more period is over.
    """
    con.execute(
        f"""
        CREATE TABLE work.quarters AS
        SELECT q::INTEGER AS q, (DATE '2022-10-01' + to_months(3 * q::INTEGER))::DATE AS first,
               (DATE '2022-10-01' + to_months(3 * q::INTEGER + 3))::DATE AS next
        FROM range(13) AS r(q);

        CREATE TABLE work.entered AS
        WITH studies AS (
          SELECT q, first, next, kpi_id, 'quarter' AS period_type, dimension, source,
                 u('study/' || kpi_id, dimension, q) AS x,
                 (size * (0.85 + 0.3 * u('sample', dimension, q)))::INTEGER AS sample_size,
                 level + slope * q AS expected, spread
          FROM work.quarters, (VALUES {_STUDIES})
            AS v(kpi_id, dimension, level, slope, spread, size, source)),
        valued AS (
          SELECT q, first, next, kpi_id, period_type, dimension, source, sample_size,
                 CASE WHEN kpi_id = 'market_position_rank'
                      THEN greatest(1, round(expected + spread * (x - 0.5)))
                      ELSE round(expected * (1 + spread * (x - 0.5)), 1) END AS value
          FROM studies
          UNION ALL
          SELECT q, first, next, 'technology_commoditisation', 'quarter', 'rater ' || i,
                 'Technology panel', 1,
                 least(5, greatest(1, round(1.7 + 0.08 * q + 2.4 * (u('rates', q, i) - 0.5))))
          FROM work.quarters, range(5) AS r(i)
          UNION ALL
          SELECT q, first + 20, next, 'analyst_recognition', 'year', firm, report, NULL, 1
          FROM work.quarters, (VALUES {_LEADERS}) AS f(firm, report, since, every)
          WHERE q >= since AND (q - since) % every = 0
          UNION ALL
          SELECT q, first + floor(84 * u('published on', q, i))::INTEGER, next,
                 'thought_leadership_output', 'event',
                 pick(['talk', 'talk', 'article', 'article', 'paper', 'citation'],
                      u('published', q, i)), 'Communications', NULL, 1
          FROM work.quarters, range(36 + q) AS r(i))
        SELECT *, row_number() OVER (ORDER BY q, kpi_id, dimension, first)::INTEGER AS n
        FROM valued;

        CREATE TABLE out.manual_inputs AS
        WITH rows_ AS (
          SELECT *, 'verified' AS status, value AS stated FROM work.entered
          UNION ALL
          SELECT *, CASE WHEN u('wrong', n, 0) < 0.03 THEN 'superseded' ELSE 'rejected' END,
                 round(value * 1.2, 1)
          FROM work.entered WHERE u('wrong', n, 0) < 0.06),
        dated AS (
          SELECT *, CASE WHEN period_type = 'event' THEN first + 1 ELSE next - 22 END
                    + CASE WHEN status = 'verified' THEN 2 ELSE 0 END AS day
          FROM rows_),
        timed AS (
          SELECT *, day::TIMESTAMP + to_seconds(28800 + floor(86400 * 3 * u('entered', n, status))
                                                ::BIGINT) AS entered_at
          FROM dated),
        checked AS (
          SELECT *, CASE WHEN status <> 'rejected' THEN entered_at + to_seconds(
                      floor(3600 * (2 + 70 * u('verified', n, status)))::BIGINT) END AS verified_at
          FROM timed),
        known AS (
          SELECT *, CASE WHEN status = 'verified' THEN least(
                      CASE WHEN period_type = 'quarter'
                           THEN lead(verified_at) OVER (PARTITION BY kpi_id, dimension, status
                                                        ORDER BY q) END,
                      CASE period_type WHEN 'quarter' THEN (next + INTERVAL 3 MONTH)::TIMESTAMP
                                       WHEN 'year' THEN (first + INTERVAL 24 MONTH)::TIMESTAMP END)
                      END AS replaced
          FROM checked)
        SELECT 'MI' || lpad(row_number() OVER input::VARCHAR, 4, '0') AS input_id, kpi_id,
               first AS period_start, period_type, dimension, stated::DECIMAL(18, 2) AS value,
               sample_size::INTEGER AS sample_size, source,
               'evidence/' || strftime(first, '%Y-%m') || '/' || kpi_id || '-' || n || '.pdf'
                 AS evidence_uri,
               pick(['E21', 'E22', 'E23'], u('enters', n, 0)) AS entered_by, entered_at,
               CASE WHEN verified_at IS NOT NULL
                    THEN pick(['E31', 'E32'], u('verifies', n, 0)) END AS verified_by,
               verified_at, status,
               CASE WHEN replaced < TIMESTAMP '{END}' THEN replaced END AS replaced_at
        FROM known WHERE verified_at IS NULL OR verified_at < TIMESTAMP '{END}'
        WINDOW input AS (ORDER BY entered_at, n, status)
        ORDER BY input_id;
        """
    )
