"""Great Expectations' own Data Docs of what the gate found, for whoever knows its pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from typing import Any

import great_expectations as gx
from great_expectations.core import (
    ExpectationSuite,
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
    RunIdentifier,
)
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import get_expectation_impl

from boardpack.errors import StorageError
from boardpack.files import reason
from boardpack.gate_results import CheckResult
from boardpack.gate_suites import Expectation, Suite

_SITE = "boardpack"


def write_docs(
    folder: Path, as_of: date, results: Iterable[CheckResult], suites: Mapping[str, Suite]
) -> Path:
    """Write the pages into ``folder`` and return their index.

    Nothing is checked for it: they show what the gate found, samples without columns marked
    ``pii``. Its pages load styles and scripts from servers of others. `StorageError` when the
    folder cannot be written.
    """
    found: dict[str, dict[str, CheckResult]] = {}
    for result in results:
        found.setdefault(result.source, {})[result.id] = result
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    site: Any = {
        "class_name": "SiteBuilder",
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder.resolve()),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    try:
        context.add_data_docs_site(_SITE, site)
        for source, own in found.items():
            if source in suites:
                _add(context, suites[source], own, as_of)
        context.build_data_docs(site_names=[_SITE])
    except OSError as error:
        raise StorageError(
            f"the Data Docs cannot be written: {reason(error)}.", file=folder
        ) from error
    return folder / "index.html"


def _add(context: Any, suite: Suite, found: Mapping[str, CheckResult], as_of: date) -> None:
    context.suites.add(
        ExpectationSuite(
            name=suite.source, expectations=[_expectation(e) for e in suite.expectations]
        )
    )
    results = [_result(e, found[e.id]) for e in suite.expectations if e.id in found]
    passed = sum(bool(result.success) for result in results)
    at = datetime.combine(as_of, datetime.min.time(), UTC)
    run = RunIdentifier(run_name=as_of.isoformat(), run_time=at)
    whole = ExpectationSuiteValidationResult(
        success=passed == len(results),
        results=results,
        suite_name=suite.source,
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(results) - passed,
            "success_percent": 100 * passed / len(results) if results else None,
        },
        meta={
            "run_id": run,
            "batch_spec": {},
            "active_batch_definition": {"datasource_name": "slice", "data_asset_name": suite.source,
                                        "data_connector_name": "", "batch_identifiers": {}},
        },
    )  # fmt: skip
    key = ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(name=suite.source),
        run_id=run,
        batch_identifier=suite.source,
    )
    context.validation_results_store.set(key, whole)


def _expectation(expectation: Expectation) -> Any:
    implementation: Any = get_expectation_impl(expectation.type)
    return implementation(
        severity=expectation.severity,
        notes=expectation.at_stake,
        description=expectation.sentence,
        **dict(expectation.kwargs),
    )


def _result(expectation: Expectation, found: CheckResult) -> ExpectationValidationResult:
    # Its pages show values as they are, so what comes from the data is no markup before it.
    rows = [{escape(name): _safe(value) for name, value in row.items()} for row in found.sample]
    detail: dict[str, Any] = {"observed_value": _safe(found.observed)}
    if expectation.of_each_row and found.evaluated:
        detail = {
            "element_count": found.evaluated,
            "unexpected_count": found.unexpected,
            "unexpected_percent": 100 * found.unexpected / found.evaluated,
            "missing_count": 0,
            "missing_percent": 0.0,
            "partial_unexpected_list": [", ".join(f"{k}={v}" for k, v in r.items()) for r in rows],
        }
    if found.outcome == "failed" and "unexpected_rows_query" in expectation.kwargs:
        detail |= {"observed_value": found.unexpected_count, "details": {"unexpected_rows": rows}}
    errored = found.outcome in ("errored", "skipped")
    return ExpectationValidationResult(
        success=found.outcome == "passed",
        expectation_config=ExpectationConfiguration(
            type=expectation.type,
            kwargs=dict(expectation.kwargs),
            description=expectation.sentence,
            notes=expectation.at_stake,
            meta={"owner": expectation.owner, "id": expectation.id},
        ),
        result=detail,
        exception_info={
            "raised_exception": errored,
            "exception_message": _safe(str(found.observed)) if errored else None,
            "exception_traceback": "" if errored else None,
        },
    )


def _safe(value: Any) -> Any:
    return escape(value) if isinstance(value, str) else value
