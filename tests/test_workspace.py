from __future__ import annotations

from pathlib import Path

import pytest

import workspaces
from boardpack.errors import BoardpackError, DefinitionError, UnknownNameError, WorkspaceError
from boardpack.model import Model
from boardpack.workspace import SUITE, Workspace
from boardpack.yamlfile import read


def test_what_a_workspace_lacks_comes_from_the_suite(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", **{"reports/own.qmd": "", "reports/monthly.qmd": ""})
    workspace = Workspace.open(root)
    assert workspace.report("own") == root / "reports" / "own.qmd"
    assert workspace.report("monthly") == root / "reports" / "monthly.qmd"
    assert workspace.report("board") == SUITE / "reports" / "board.qmd"
    assert workspace.notebooks["revenue"] == SUITE / "notebooks" / "revenue.ipynb"
    assert workspace.var == root / "var"
    with pytest.raises(UnknownNameError, match="did you mean 'monthly'"):
        workspace.report("montly")


def test_files_that_begin_with_an_underscore_are_no_reports(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w", **{"reports/_part.qmd": ""})
    assert "_part" not in Workspace.open(root).reports


def test_settings_have_defaults_that_suit_most(tmp_path: Path) -> None:
    settings = Workspace.open(
        workspaces.small(tmp_path / "w", "company: X\ncurrency: EUR\n")
    ).settings
    assert (settings.locale, settings.zone, settings.dimensions) == (
        "en_US",
        "UTC",
        ["segment", "region"],
    )
    assert (settings.policy.cell_timeout, settings.warehouse.duckdb) == (120.0, None)


@pytest.mark.parametrize(
    ("settings", "line", "says", "hint"),
    [
        ("company: X\ncurrency: USD\nwarehouse: {duckbd: x}\n", 3, "unknown key 'warehouse.duckbd'", "'duckdb'"),
        ("company: X\ncurrency: USD\npolicy:\n  cell_timeout: long\n", 4, "policy.cell_timeout", ""),
        ("company: X\ncurrency: USD\nstart: soon\n", 3, "start", ""),
        ("company: X\ncurrency: usd\n", 2, "currency", ""),
        ("company: X\ncurrency: USD\ncompany: Y\n", 3, "stands here twice", "first on line 1"),
        ("company: [X\n", 2, "is not YAML", ""),
        ("- company: X\n", 1, "expected a mapping here", ""),
        ("", None, "expected a mapping here, found nothing", ""),
        ("company: !!python/object/apply:os.system [ls]\n", 1, "is not YAML", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_in_boardpack_yml(
    tmp_path: Path, settings: str, line: int | None, says: str, hint: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        Workspace.open(workspaces.small(tmp_path / "w", settings))
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "w" / "boardpack.yml"), line)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    root = workspaces.small(tmp_path / "w")
    (root / "boardpack.yml").write_bytes("company: Bücher\n".encode("latin-1"))
    with pytest.raises(DefinitionError, match="is not UTF-8 text") as caught:
        Workspace.open(root)
    assert caught.value.hint == "save the file as UTF-8"


def test_words_stay_words(tmp_path: Path) -> None:
    """``on``, ``no`` and ``NO`` are a join's key, an answer and Norway, and not booleans."""
    path = tmp_path / "a.yml"
    path.write_text("on: account_id\nanswer: no\ncountry: NO\nflag: true\n", encoding="utf-8")
    assert read(path).data == {"on": "account_id", "answer": "no", "country": "NO", "flag": True}


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/passwd", "data/../../outside.csv"])
@pytest.mark.parametrize("how", ["duckdb", "files"])
def test_a_path_that_leaves_the_workspace_is_refused(tmp_path: Path, path: str, how: str) -> None:
    (tmp_path / "outside.csv").write_text("id\n1\n", encoding="utf-8")
    entry = f"duckdb: {path}" if how == "duckdb" else f"files: {{accounts: {path}}}"
    settings = f"company: X\ncurrency: USD\nwarehouse:\n  {entry}\n"
    refused(
        Workspace.open(workspaces.small(tmp_path / "w", settings)), "lies outside the workspace"
    )


def test_a_link_that_leaves_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("id\n1\n", encoding="utf-8")
    settings = "company: X\ncurrency: USD\nwarehouse: {files: {accounts: in.csv}}\n"
    root = workspaces.small(tmp_path / "w", settings)
    (root / "in.csv").symlink_to(tmp_path / "outside.csv")
    refused(Workspace.open(root), "lies outside the workspace")


def refused(workspace: Workspace, says: str) -> None:
    from datetime import date

    from boardpack.warehouse import open_slice

    model = Model.open(workspace.root)
    with pytest.raises(WorkspaceError, match=says) as caught:
        open_slice(model.workspace, model.sources, date(2025, 12, 31), ["accounts"])
    assert caught.value.file == str(workspace.root / "boardpack.yml")


@pytest.mark.parametrize("kind", ["kpis", "sources", "scorecards"])
def test_an_empty_or_odd_file_is_an_error_and_not_ignored(tmp_path: Path, kind: str) -> None:
    settings = workspaces.SETTINGS + "scorecard: datainsight_pro\n"
    for text in ("", "just words\n", "- 1\n"):
        root = workspaces.small(tmp_path / "w", settings, **{f"{kind}/own.yml": text})
        with pytest.raises(BoardpackError) as caught:
            Model.open(root)
        assert (caught.value.exit_code, (caught.value.file or "")[-7:]) == (1, "own.yml")
