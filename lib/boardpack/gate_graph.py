"""Expectations of one source, evaluated by Great Expectations over one graph of metrics.

Its own Validator computes the configuration of an expectation some fifty times, and the metrics
that a metric needs once for each expectation that asks for it: several times what the SQL takes.
Here each is done once. Imported by `gate_engine` alone, as it imports that library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.validator.metric_configuration import MetricConfiguration
from great_expectations.validator.validation_graph import ValidationGraph

__all__ = ["Answer", "error_of", "evaluate"]


@dataclass(frozen=True)
class Answer:
    """What the library says of one expectation, or the message of what it met with."""

    success: bool
    result: Mapping[str, Any]
    error: str = ""


class _Graph(ValidationGraph):
    """A graph that looks once at what each metric needs."""

    def __init__(self, execution_engine: Any) -> None:
        super().__init__(execution_engine=execution_engine)
        self._seen: dict[Any, MetricConfiguration] = {}

    def build_metric_dependency_graph(
        self,
        metric_configuration: MetricConfiguration,
        runtime_configuration: dict[str, Any] | None = None,
    ) -> None:
        if metric_configuration.id not in self._seen:
            self._seen[metric_configuration.id] = metric_configuration
            super().build_metric_dependency_graph(metric_configuration, runtime_configuration)

    def below(self, metric: MetricConfiguration) -> Iterator[Any]:
        """The ids of a metric and of all that it needs."""
        waiting, told = [metric.id], set()
        while waiting:
            found = waiting.pop()
            if found not in told:
                told.add(found)
                yield found
                needs = self._seen[found].metric_dependencies if found in self._seen else {}
                waiting += [need.id for need in needs.values()]


def evaluate(execution_engine: Any, expectations: Sequence[Expectation]) -> list[Answer]:
    """The answer to each expectation, over the batch that the engine has loaded."""
    graph = _Graph(execution_engine)
    needed: list[list[MetricConfiguration]] = []
    failed: dict[int, str] = {}
    with _configured_once():
        for i, expectation in enumerate(expectations):
            needs: list[MetricConfiguration] = []
            try:
                asked = expectation.get_validation_dependencies(execution_engine, {})
                needs = asked.get_metric_configurations()
                for metric in needs:
                    graph.build_metric_dependency_graph(metric)
            except Exception as error:
                failed[i] = _message(error)
            needed.append(needs)
        metrics, aborted = graph.resolve(show_progress_bars=False)
        for i, needs in enumerate(needed):
            for found in (found for metric in needs for found in graph.below(metric)):
                if found in aborted and i not in failed:
                    failed[i] = error_of(aborted[found]["exception_info"].to_json_dict())
        return [
            _validated(each, metrics, execution_engine, failed.get(i, ""))
            for i, each in enumerate(expectations)
        ]


def _validated(
    expectation: Expectation, metrics: Mapping[Any, Any], execution_engine: Any, failed: str
) -> Answer:
    if failed:
        return Answer(False, {}, failed)
    try:
        found = expectation.metrics_validate(
            metrics=dict(metrics), execution_engine=execution_engine
        )
    except Exception as error:
        return Answer(False, {}, _message(error))
    # numpy's booleans cannot be written as JSON
    return Answer(bool(found.success), found.result, error_of(found.exception_info))


@contextmanager
def _configured_once() -> Iterator[None]:
    """Let an expectation keep its configuration, and the configuration its expectation.

    The library computes one from the other whenever it looks up an argument.
    """
    configure, build = Expectation.configuration, ExpectationConfiguration.to_domain_obj
    kept: dict[int, tuple[Any, Any]] = {}

    def configuration(self: Any) -> Any:
        if id(self) not in kept:
            made = configure.fget(self)  # type: ignore[attr-defined]
            # Both are held, so that no other takes the id of one.
            kept[id(self)], kept[id(made)] = (self, made), (made, self)
        return kept[id(self)][1]

    def to_domain_obj(self: Any) -> Any:
        return kept[id(self)][1] if id(self) in kept else build(self)

    classes: Any = (Expectation, ExpectationConfiguration)
    classes[0].configuration, classes[1].to_domain_obj = property(configuration), to_domain_obj
    try:
        yield
    finally:
        classes[0].configuration, classes[1].to_domain_obj = configure, build


def _message(error: Exception) -> str:
    return str(error) or type(error).__name__


def error_of(info: Mapping[str, Any] | None) -> str:
    """The message of an exception, from either shape in which the library reports one.

    >>> error_of({"raised_exception": True, "exception_message": "no such column"})
    'no such column'
    >>> error_of({"some metric": {"raised_exception": True, "exception_message": "no such table"}})
    'no such table'
    >>> error_of({"raised_exception": False, "exception_message": None})
    ''
    """
    if not info:
        return ""
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("raised_exception"):
            return str(entry.get("exception_message") or "it raised an exception")
    return ""
