from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from boardpack import gate
from boardpack.errors import DefinitionError, UnknownNameError, UserError
from boardpack.gate_suites import DIMENSIONS, load_suites
from boardpack.gate_types import REFUSED, ROWS, TYPES, sentence_of
from boardpack.source_files import load
from boardpack.sources import Source, Sources
from boardpack.workspace import SUITE, Workspace

SUITE_FILES = sorted((SUITE / "expectations").glob("*.json"))

GOOD = """\
{
 "name": "mrr_movements",
 "expectations": [
  {
   "type": "expect_column_values_to_be_between",
   "kwargs": {"column": "amount", "min_value": 0},
   "severity": "critical",
   "meta": {"dimension": "accuracy", "owner": "finance", "at_stake": "MRR."}
  },
  {
   "type": "unexpected_rows_expectation",
   "kwargs": {
    "unexpected_rows_query": "SELECT 1 FROM {batch} ANTI JOIN slice.accounts USING (account_id)"
   },
   "severity": "info",
   "meta": {
    "dimension": "consistency", "owner": "finance", "at_stake": "MRR.", "sentence": "fine"
   }
  }
 ]
}
"""


@pytest.fixture(scope="module")
def declared() -> Sources:
    return load(Workspace.open(SUITE))


@pytest.fixture(scope="module")
def movements(declared: Sources) -> Source:
    return declared["mrr_movements"]


def written(folder: Path, text: str, name: str = "mrr_movements") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_suite_is_read_with_what_each_expectation_says(tmp_path: Path, movements: Source) -> None:
    path = written(tmp_path, GOOD)
    suite = load_suites([tmp_path], [movements])["mrr_movements"]
    first, second = suite.expectations
    assert (first.columns, first.severity, first.dimension) == (("amount",), "critical", "accuracy")
    assert (first.sentence, first.line) == ("amount is at least 0", 4)
    assert (second.sentence, second.others) == ("fine", ("accounts",))
    assert (suite.file, suite.others) == (path, ("accounts",))


#: what is changed, into what, the line, words of the message, words of the hint
MISTAKES: list[tuple[str, str, int, str, str]] = [
    ('"expect_column_values_to_be_between"', '"expect_column_value_to_be_between"', 5,
     "Unknown expectation type 'expect_column_value_to_be_between'",
     "did you mean 'expect_column_values_to_be_between'"),
    ('"expect_column_values_to_be_between"', '"expect_column_values_to_match_regex"', 5,
     "expect_column_values_to_match_regex does not work on the slice", "regexp_matches()"),
    ('"min_value"', '"min_valeu"', 6, "Unknown argument of expect_column_values_to_be_between "
     "'min_valeu'", "did you mean 'min_value'"),
    ('"column": "amount", ', "", 6, "lacks the argument 'column'", ""),
    (', "min_value": 0', "", 6, "neither min_value nor max_value and would always pass", ""),
    ('"amount"', '"amuont"', 6, "Unknown column of mrr_movements 'amuont'",
     "did you mean 'amount'"),
    ('"min_value": 0', '"min_value": 0, "mostly": 95', 6, "mostly is 95, expected a share", ""),
    ('"min_value": 0', '"min_value": {"$PARAMETER": "now()"}', 6, "refers to 'now()'", "as_of"),
    ('   "severity": "critical",\n', "", 4, "key 'severity' is missing", ""),
    ('"critical"', '"fatal"', 7, "'critical', 'warning' or 'info' (found 'fatal')", ""),
    ('"accuracy"', '"acuracy"', 8, "'auditability' (found 'acuracy')", ""),
    ('"owner": "finance", "at_stake": "MRR."}', '"owner": "finance", "at_stake": ""}', 8,
     "at_stake", ""),
    ('"owner": "finance", "at_stake": "MRR."}', '"at_stake": "MRR."}', 8,
     "key 'meta.owner' is missing", ""),
    (',\n   "meta": {"dimension": "accuracy", "owner": "finance", "at_stake": "MRR."}', "", 4,
     "key 'meta' is missing", ""),
    ('"critical",', '"critical", "note": "?",', 7, "unknown key 'note'", "did you mean 'notes'"),
    ("{batch}", "mrr_movements", 13, "the SQL has no placeholder, expected {batch} alone", ""),
    ("SELECT 1", "SELECT '{as_of}'", 13, "the SQL has {as_of}, {batch}", "double any other brace"),
    ("SELECT 1", "SELECT '{'", 13, "a brace without its partner", "{{ }}"),
    ("slice.accounts", "slice.account", 13, "Unknown source 'account'", "did you mean 'accounts'"),
    (', "sentence": "fine"', "", 16, "SQL cannot say for itself what it expects", "sentence"),
    ('"name": "mrr_movements"', '"name": "movements"', 2, "stands in the file of 'mrr_movements'",
     "mrr_movements"),
    ('"name": "mrr_movements",', '"name": "mrr_movements", "nmae": 1,', 2,
     "unknown key 'nmae'", ""),
    ('"severity": "info",', '"severity": "info", "severity": "info",', 15,
     "key 'severity' stands here twice", ""),
    ("\n ]\n}", "\n ],\n}", 21, "is not JSON", ""),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "line", "message", "hint"), MISTAKES)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path,
    declared: Sources,
    movements: Source,
    before: str,
    after: str,
    line: int,
    message: str,
    hint: str,
) -> None:
    assert before in GOOD
    path = written(tmp_path, GOOD.replace(before, after, 1))
    with pytest.raises(UserError) as caught:
        load_suites([tmp_path], [movements], declared=declared.declared)
    assert isinstance(caught.value, DefinitionError | UnknownNameError)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file, caught.value.line) == (str(path), line)


@pytest.mark.parametrize("content", [b"\xff\xfe{}", b"", b"[]", b'"text"'])
def test_a_file_that_is_no_suite_is_refused(
    tmp_path: Path, movements: Source, content: bytes
) -> None:
    path = written(tmp_path, "")
    path.write_bytes(content)
    with pytest.raises(DefinitionError) as caught:
        load_suites([tmp_path], [movements])
    assert caught.value.file == str(path)


def test_a_file_that_belongs_to_no_source_is_a_mistake(
    tmp_path: Path, declared: Sources, movements: Source
) -> None:
    written(tmp_path, GOOD, "mrr_movement")
    assert load_suites([tmp_path], [movements]) == {}
    with pytest.raises(UnknownNameError, match="did you mean 'mrr_movements'"):
        load_suites([tmp_path], [movements], declared=declared.declared)


def test_a_suite_takes_the_place_of_another_only_when_it_says_so(
    tmp_path: Path, movements: Source
) -> None:
    own, suite = tmp_path / "own", tmp_path / "suite"
    written(suite, GOOD)
    written(own, GOOD)
    with pytest.raises(DefinitionError, match="there is a suite for 'mrr_movements' already"):
        load_suites([own, suite], [movements])
    says_so = '"name": "mrr_movements", "meta": {"replaces": "mrr_movements"},'
    path = written(own, GOOD.replace('"name": "mrr_movements",', says_so))
    assert load_suites([own, suite], [movements])["mrr_movements"].file == path


SENTENCES: list[tuple[str, dict[str, Any], str]] = [
    ("expect_column_values_to_not_be_null", {"column": "a"}, "a is never empty"),
    ("expect_column_values_to_be_between", {"column": "a", "min_value": 1, "max_value": 2},
     "a is between 1 and 2"),
    ("expect_column_values_to_be_between", {"column": "a", "max_value": 2, "strict_max": True},
     "a is below 2"),
    ("expect_column_values_to_be_in_set", {"column": "a", "value_set": ["x", "y"], "mostly": 0.9},
     "a is one of x, y, for at least 90 % of the rows"),
    ("expect_compound_columns_to_be_unique", {"column_list": ["a", "b"]},
     "a and b are never repeated together"),
    ("expect_column_pair_values_a_to_be_greater_than_b",
     {"column_A": "a", "column_B": "b", "or_equal": True}, "a is not below b"),
    ("expect_column_max_to_be_between",
     {"column": "a", "min_value": {"$PARAMETER": "as_of - timedelta(days=7)"}},
     "the newest a is at most 7 days older than the as-of"),
    ("expect_column_min_to_be_between", {"column": "a", "max_value": {"$PARAMETER": "as_of"}},
     "the smallest a is at most the as-of"),
    ("expect_table_row_count_to_equal", {"value": 3}, "table row count to equal: value 3"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "kwargs", "sentence"), SENTENCES)
def test_an_expectation_says_in_words_what_it_expects(
    type_: str, kwargs: dict[str, Any], sentence: str
) -> None:
    assert sentence_of(type_, kwargs) == sentence


def test_every_source_has_a_suite_that_is_worth_having(declared: Sources) -> None:
    tables = [source for source in declared.declared.values() if not source.derived_from]
    suites = load_suites([SUITE / "expectations"], tables, declared=declared.declared)
    assert set(suites) == {source.id for source in tables}
    for source in tables:
        expectations = suites[source.id].expectations
        by_type = {(e.type, e.columns) for e in expectations if e.severity == "critical"}
        for column in source.key:
            assert ("expect_column_values_to_not_be_null", (column,)) in by_type, source.id
        unique = "expect_column_values_to_be_unique", source.key
        by_sql = f"GROUP BY {', '.join(source.key)} HAVING count(*) > 1"
        queries = [e.kwargs["unexpected_rows_query"] for e in expectations if e.type == ROWS]
        assert unique in by_type or any(by_sql in query for query in queries), source.id
        read = {other for e in expectations for other in e.others}
        # What refers to rows of its own table is looked up in the batch itself.
        if any(query.count("{batch}") > 1 and "ANTI JOIN" in query for query in queries):
            read.add(source.id)
        assert set(source.references.values()) <= read | {"features"}, source.id
        if source.time:
            assert any(e.dimension == "timeliness" for e in expectations), source.id
    assert {e.dimension for s in suites.values() for e in s.expectations} == set(DIMENSIONS)


def test_the_table_of_types_is_that_of_great_expectations() -> None:
    gate.warm()
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    assert {*TYPES, *REFUSED} == set(list_registered_expectation_implementations())
    assert not set(TYPES) & set(REFUSED)
    of_all = {"id", "meta", "notes", "result_format", "description", "severity", "windows",
              "catch_exceptions", "rendered_content", "batch_id", "library_metadata"}  # fmt: skip
    for type_, arguments in TYPES.items():
        required, optional = (set(part.split()) for part in arguments.split("|"))
        implementation: Any = get_expectation_impl(type_)
        fields = implementation.__fields__
        assert required | optional == set(fields) - of_all, type_
        assert required >= {name for name, field in fields.items() if field.required}, type_


@pytest.mark.parametrize("path", SUITE_FILES, ids=lambda path: path.stem)
def test_great_expectations_reads_the_file_as_it_is(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.warm()
    from great_expectations.core.expectation_suite import ExpectationSuite

    text = json.loads(path.read_text(encoding="utf-8"))
    assert len(ExpectationSuite(**text).expectations) == len(text["expectations"])
    assert capsys.readouterr().out == ""
