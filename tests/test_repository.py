"""The repository keeps its own promises: pins that agree, clean notebooks, a true README."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import click
import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "lib" / "boardpack"
PYTHONS = ["3.11", "3.12", "3.13"]
GENERATED = {
    ".git",
    ".venv",
    ".venv-engines",
    "var",
    "__pycache__",
    "node_modules",
    ".ipynb_checkpoints",
}


def tree() -> Iterator[tuple[str, str]]:
    """Path and text of every text file that belongs to the project."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name not in GENERATED and not name.endswith((".egg-info", "_cache", ".hypothesis"))
        ]
        for name in files:
            path = Path(folder, name)
            try:
                yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


#: What the modules for another warehouse import, each of an extra of its own.
OF_EXTRAS = {"postgres.py": {"psycopg"}, "spark.py": {"pyspark", "py4j"}}


def declared(*, extras: bool) -> list[Requirement]:
    found = list(project()["dependencies"])
    if extras:
        for group in project()["optional-dependencies"].values():
            found += group
    return [Requirement(line) for line in found]


def pins(python: str) -> dict[str, Version]:
    """What constraints.txt installs on Linux with this Python."""
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    found: dict[str, Version] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(machine):
            (only,) = pin.specifier
            assert only.operator == "==", f"{line} is no pin"
            name = canonicalize_name(pin.name)
            assert name not in found, f"{name} is pinned twice for Python {python}"
            found[name] = Version(only.version)
    return found


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_is_pinned_inside_its_range(python: str) -> None:
    pinned = pins(python)
    wrong = {
        str(wanted): str(pinned.get(canonicalize_name(wanted.name)))
        for wanted in declared(extras=True)
        if (pin := pinned.get(canonicalize_name(wanted.name))) is None
        or pin not in wanted.specifier
    }
    assert not wrong, "run `make lock`"


def test_conda_and_pip_install_the_same() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]

    assert environment["channels"] == ["conda-forge", "nodefaults"]
    python, quarto = (Requirement(entry.replace("=1.", "==1.", 1)) for entry in conda[:2])
    assert (python.name, quarto.name, conda[2:]) == ("python", "quarto", ["pip"])
    assert python.specifier == Requirement(f"python{project()['requires-python']}").specifier

    assert pip[0] == "-c constraints.txt"
    assert pip[-1] == "-e .[dev]"
    named = {canonicalize_name(name) for name in pip[1:-1]}
    known = {canonicalize_name(requirement.name) for requirement in declared(extras=True)}
    assert named <= known, "pip would install what pyproject.toml does not declare"
    users = {"jupyterlab", "papermill", "pandas", "altair", "great-expectations", "pytest"}
    assert users <= named


def test_supported_pythons_agree_everywhere() -> None:
    wanted = Requirement(f"python{project()['requires-python']}").specifier
    assert [f"3.{minor}" for minor in range(30) if f"3.{minor}.0" in wanted] == PYTHONS
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize(("folder", "extras"), [("lib", False), ("tests", True)])
def test_what_is_imported_is_declared(folder: str, extras: bool) -> None:
    found = packages_distributions()
    names = {canonicalize_name(wanted.name) for wanted in declared(extras=extras)}
    own = {path.stem for path in (ROOT / "tests").rglob("*.py")} | {"boardpack"}
    undeclared = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            for module in {module.split(".")[0] for module in modules}:
                if module in own or module in sys.stdlib_module_names:
                    continue
                if module in OF_EXTRAS.get(path.name, ()):
                    continue
                if not names & {canonicalize_name(name) for name in found.get(module, [])}:
                    undeclared.add(f"{path.relative_to(ROOT)}: {module}")
    assert not undeclared


def notebooks() -> list[Path]:
    return sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("examples/*/notebooks/*.ipynb")])


def code_cells(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text())["cells"]
    return [cell | {"text": "".join(cell["source"])} for cell in cells if "outputs" in cell]


def test_notebooks_are_committed_as_they_were_written() -> None:
    assert notebooks()
    wrong = []
    for notebook in notebooks():
        cells = code_cells(notebook)
        tags = [cell["metadata"].get("tags", []) for cell in cells]
        if any(cell["outputs"] or cell["execution_count"] is not None for cell in cells):
            wrong.append(f"{notebook.name} holds outputs: make format")
        if sum("parameters" in names for names in tags) != 1:
            wrong.append(f"{notebook.name} needs one cell tagged parameters")
        text = notebook.read_text(encoding="utf-8")
        read = nbformat.reads(text, as_version=4)
        if read.metadata.kernelspec.name != "python3":
            wrong.append(f"{notebook.name} names a kernel of its own")
        if nbformat.writes(read).rstrip("\n") + "\n" != text:
            wrong.append(f"{notebook.name} would change when JupyterLab saves it: make format")
    assert not wrong


def test_notebooks_call_the_public_package_and_nothing_below_it() -> None:
    import boardpack

    wrong = []
    for notebook in notebooks():
        for cell in code_cells(notebook):
            for node in ast.walk(ast.parse(cell["text"])):
                if isinstance(node, ast.ImportFrom) or (
                    isinstance(node, ast.Import)
                    and [(name.name, name.asname) for name in node.names] != [("boardpack", "bp")]
                ):
                    wrong.append(f"{notebook.name}: {ast.unparse(node)}")
                if (
                    isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == "bp"
                    and node.attr not in boardpack.__all__
                ):
                    wrong.append(f"{notebook.name}: bp.{node.attr} is not public")
    assert not wrong


def test_public_names_exist() -> None:
    import boardpack

    assert sorted(set(boardpack.__all__)) == sorted(boardpack.__all__)
    assert [name for name in boardpack.__all__ if not hasattr(boardpack, name)] == []


def test_no_module_takes_the_name_of_a_verb() -> None:
    """Once imported, it would stand where the verb is looked for."""
    import boardpack

    modules = {path.stem for path in PACKAGE.iterdir()}
    assert modules.isdisjoint(boardpack.__all__)


def test_every_module_says_what_it_is_for_and_stays_readable() -> None:
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        if not ast.get_docstring(ast.parse(text)):
            wrong.append(f"{path.relative_to(PACKAGE)} has no docstring")
        if (lines := text.count("\n")) > 500:
            wrong.append(f"{path.relative_to(PACKAGE)} has {lines} lines")
    assert not wrong


# Hosts that may be written: names of formats, reserved names for examples, projects to read about.
HOSTS = re.compile(
    r"(www\.)?w3\.org|vega\.github\.io|json-schema\.org|purl\.org|quarto\.org|ns\.adobe\.com|schemas\.microsoft\.com"
    r"|([\w-]+\.)*(example(\.(com|org|net))?|invalid|test)"
)


def test_no_file_names_another_host() -> None:
    named = {
        f"{path}: {host}"
        for path, text in tree()
        for host in re.findall(r"https?://((?:[\w-]+\.)+[a-z]{2,})", text)
        if not HOSTS.fullmatch(host)
    }
    assert not named


def test_no_file_names_a_package_index_or_a_place_outside_the_tree() -> None:
    outside = re.compile(
        r"--[a-z-]*index-url|--find[-]links|--trusted[-]host"
        r"|(?<![\w.$)}>*-])/(work|root|home|Users|mnt|opt)/\w"
    )
    named = {
        f"{path}: {found.group()}" for path, text in tree() for found in outside.finditer(text)
    }
    assert not named


def test_every_make_target_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0]
    assert re.findall(r"^([a-z-]+):[^#\n]*## \S", makefile, re.MULTILINE) == phony.split()


def test_hooks_and_ci_run_what_is_installed() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=True)


def test_readme_names_what_is_there() -> None:
    from boardpack.cli import main

    readme = (ROOT / "README.md").read_text()
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)`", readme)) <= set(targets)
    # What stands in code; "boardpack" is a word of the prose too.
    shown = set(re.findall(r"(?:^|`)boardpack ([a-z]+)", readme, re.MULTILINE))
    assert shown == set(main.list_commands(click.Context(main)))

    linked = re.findall(r"\]\((?!http|#)([^)#]+)\)", readme)
    layout = readme.split("```text\n")[1].split("```")[0]
    named = [line.split()[0] for line in layout.splitlines() if line and not line.startswith(" ")]
    missing = [name for name in linked + named if not (ROOT / name).exists() and name != "var/"]
    assert not missing


def test_readme_shows_a_kpi_that_works(tmp_path: Path) -> None:
    from boardpack.engine.definition_tests import run
    from boardpack.model import Model

    shown = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (example,) = [text for text in shown if text.startswith("- kpi:")]
    (entry,) = yaml.safe_load(example)
    (tmp_path / "kpis").mkdir()
    (tmp_path / "kpis" / "own.yml").write_text(example)
    (tmp_path / "boardpack.yml").write_text("company: Example\ncurrency: USD\n")
    model = Model.open(tmp_path)
    (result,) = run(model.catalogue, [entry["kpi"]], model.workspace.zone)
    assert result.passed, result.message
