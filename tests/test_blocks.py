from __future__ import annotations

import json

import nbformat
import nbformat.v4
import pytest

from boardpack import blocks
from boardpack.blocks import MIME, Chart, Shown, Text
from boardpack.charts import trend
from boardpack.tables import scorecard
from values_fixture import HOSTILE, small_values

CHART = Chart(
    title="MRR <rose> & rose",
    alt="A line.",
    spec={"data": {"values": [{"x": 1}]}, "mark": "point", "encoding": {"x": {"field": "x"}}},
    columns=("Period", "Actual"),
    rows=(("December 2025", "$1"),),
    numbers=(Shown("mrr", "2025-12", "", "$1"),),
)


def bundle(block: Chart | Text) -> dict[str, object]:
    return block._repr_mimebundle_()


def test_a_chart_shows_without_a_network() -> None:
    shown = bundle(CHART)
    assert str(shown["image/svg+xml"]).startswith("<svg")
    assert "MRR &lt;rose&gt; &amp; rose" in str(shown["text/html"])
    assert "http" not in str(shown["text/html"]).replace("http://www.w3.org", "")
    assert shown["text/plain"] == "MRR <rose> & rose\nA line."


def test_the_payload_of_a_chart() -> None:
    payload = CHART.payload()
    assert payload["kind"] == "chart"
    assert payload["data"] == {"columns": ["Period", "Actual"], "rows": [["December 2025", "$1"]]}
    assert payload["numbers"] == [
        {"kpi": "mrr", "period": "2025-12", "member": "", "text": "$1", "what": "value"}
    ]
    assert payload["svg"] == CHART.svg


def test_the_payload_of_a_text() -> None:
    block = Text("**a**", "<b>a</b>", {"s.svg": "<svg/>"}, (Shown("mrr", "2025-12", "", "1"),))
    payload = block.payload()
    assert (payload["kind"], payload["markdown"]) == ("text", "**a**")
    assert payload["figures"] == {"s.svg": "<svg/>"}
    assert bundle(block)["text/html"] == "<b>a</b>"


def test_a_chart_is_drawn_once_and_not_before_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    monkeypatch.setattr(blocks, "draw", lambda spec: drawn.append(spec) or "<svg/>")
    chart = Chart("t", "a", {"mark": "point"})
    assert drawn == []
    bundle(chart)
    bundle(chart)
    assert len(drawn) == 1


@pytest.mark.parametrize(
    "block",
    [
        CHART,
        trend(small_values(), "mrr"),
        trend(small_values(), "odd"),
        scorecard(small_values(), ["mrr", "odd", "runway"]),
        Text(""),
    ],
    ids=["chart", "trend", "hostile", "scorecard", "empty"],
)
def test_jupyter_accepts_what_a_cell_shows(block: Chart | Text) -> None:
    output = nbformat.v4.new_output("execute_result", data=bundle(block), execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=[output])])
    nbformat.validate(notebook)
    assert json.loads(json.dumps(output["data"][MIME], allow_nan=False)) == block.payload()


def test_a_hostile_name_stays_text() -> None:
    for block in (trend(small_values(), "odd"), scorecard(small_values(), ["odd"])):
        shown = str(bundle(block)["text/html"])
        assert HOSTILE.split()[0] in shown
        assert "<b>name" not in shown
