"""What the Slicer Extensions Index checks and asks of an extension, as far as a clone of this repository shows it.

The rules are those of the index in 2026: its schema (version 1.0.1), ``scripts/check_description_files.py``, the
questions of its automatic review, and what its pull request template asks of tiers 1 and 3. Whether the addresses
answer can only be seen when the repository is published.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from harness import EXTENSION
from PIL import Image
from test_extension import PROJECT, SOURCES

ENTRY = json.loads((PROJECT / "slicer_extension" / "Gliomics.json").read_text(encoding="utf-8"))
CMAKE = (PROJECT / "CMakeLists.txt").read_text(encoding="utf-8")
README = (PROJECT / "README.md").read_text(encoding="utf-8")
MODULE = EXTENSION / "Radiogenomics.py"
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.1.json#"
)
KEYS = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}
CATEGORIES = {"Active Learning", "Informatics", "Neuroimaging", "Quantification", "Segmentation"}
"""Those of the accepted ones that would fit."""
MOST_MEGABYTES = 100
INCLUDED = {*sys.stdlib_module_names, "slicer", "vtk", "qt", "ctk", "numpy", "scipy", "SimpleITK"}
"""What a file may import when it is imported itself."""
WITH_FIRST_REQUEST = {"gliomics/client/interruptible.py"}
"""Imported by the first request to a server, and not when the panel opens: it needs requests, which 3D Slicer has."""


def setting(name: str) -> str:
    """A variable of the top-level CMakeLists.txt."""
    (value,) = re.findall(rf'set\(EXTENSION_{name} "(.*?)"\)', CMAKE)
    return str(value)


# The entry


def test_the_entry_follows_the_schema() -> None:
    assert ENTRY["$schema"] == SCHEMA
    assert {"$schema", "category", "scm_url"} <= set(ENTRY) <= set(KEYS)
    assert {key: type(value) for key, value in ENTRY.items()} == {key: KEYS[key] for key in ENTRY}
    assert ENTRY["tier"] in (1, 3, 5)
    assert ENTRY["build_dependencies"] == []
    assert setting("DEPENDS") == "NA"


def test_the_category_is_one_that_the_index_accepts() -> None:
    assert ENTRY["category"] in CATEGORIES
    assert setting("CATEGORY") == ENTRY["category"]


def test_the_repository_is_cloned_over_https_and_is_the_homepage() -> None:
    assert urlsplit(ENTRY["scm_url"]).scheme == "https"
    assert ENTRY["scm_url"] == f"{setting('HOMEPAGE')}.git"


def test_the_project_has_the_entry_s_name() -> None:
    (name,) = re.findall(r"project\s*\(\s*([^\s)]+)", CMAKE)
    assert name == "Gliomics"


def test_a_repository_that_is_not_called_slicer_is_of_use_without_it() -> None:
    """Only such a one may do without the word in its name, and asks to be put on the list of exceptions."""
    name = Path(urlsplit(ENTRY["scm_url"]).path).stem
    assert "slicer" in name.lower() or "pip install ." in README


# The clone


def test_a_clone_is_small_enough() -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("not a clone")

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=PROJECT, check=True, capture_output=True, text=True).stdout

    files = [int(line.split()[3]) for line in git("ls-tree", "-r", "-l", "HEAD").splitlines()]
    history = int(git("rev-list", "--disk-usage", "--objects", "HEAD"))
    assert (sum(files) + history) / 1e6 < MOST_MEGABYTES


def test_the_licence_is_in_the_root_and_named_in_the_homepage() -> None:
    assert "Apache License" in (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache-2.0" in README


@pytest.mark.parametrize("name", ["ICONURL", "SCREENSHOTURLS"])
def test_pictures_are_files_of_the_repository(name: str) -> None:
    start = setting("HOMEPAGE").replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/"
    urls = setting(name).split()
    assert urls
    for url in urls:
        assert url.startswith(start)
        with Image.open(PROJECT / url.removeprefix(start)) as picture:
            assert picture.format == "PNG"
            assert name != "ICONURL" or picture.size == (128, 128)


# The code


def atFileScope(tree: ast.Module) -> list[ast.stmt]:
    """What runs when a file is imported, but for what only type checkers read."""
    return [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]


def importedAtFileScope(path: Path) -> set[Path]:
    """The files of the library that a file imports when it is imported itself."""
    names = []
    for node in atFileScope(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    stems = [PROJECT / "lib" / name.replace(".", "/") for name in names if name.split(".")[0] == "gliomics"]
    return {path for stem in stems for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()}


def packaged() -> list[Path]:
    """The files of the library that the panel has in its own process, and not only in the one that computes."""
    found: set[Path] = set()
    new = {path for source in SOURCES for path in importedAtFileScope(source)}
    while new - found:
        found |= new
        new = {path for source in new for path in importedAtFileScope(source)}
    return sorted(found)


@pytest.mark.parametrize("path", [*SOURCES, *packaged()], ids=lambda path: str(path.relative_to(PROJECT)))
def test_nothing_runs_and_nothing_foreign_is_imported_at_file_scope(path: Path) -> None:
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for node in atFileScope(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), f"{path.name}:{node.lineno} runs when the file is imported"
            continue
        assert isinstance(node, allowed), f"{path.name}:{node.lineno} runs when the file is imported"
        if str(path).endswith(tuple(WITH_FIRST_REQUEST)):
            continue
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= INCLUDED | {"RadiogenomicsLib", "gliomics"}


def test_the_module_file_imports_nothing_of_its_own_library_at_file_scope() -> None:
    nodes = atFileScope(ast.parse(MODULE.read_text(encoding="utf-8")))
    modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert not {name for name in modules if name and name.split(".")[0] in ("RadiogenomicsLib", "gliomics")}


def test_no_program_is_downloaded_and_nothing_is_installed() -> None:
    for path in [*SOURCES, *packaged()]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"pip_install|pip_ensure|urlretrieve|downloadFile\(", text), path.name


# The documentation


def test_the_homepage_says_what_it_is_with_a_picture_its_module_and_how_to_cite_it() -> None:
    sentences = setting("DESCRIPTION").split(". ")
    assert 1 <= len(sentences) <= 3
    assert "research use only" in setting("DESCRIPTION")
    start = README.split("## ")[0]
    assert "3D Slicer" in start
    pictures = re.findall(r"!\[.+?\]\((docs/images/\S+?)\)", README)
    assert pictures
    assert all((PROJECT / picture).is_file() for picture in pictures)
    (section,) = re.findall(r"## In 3D Slicer\n(.*?)\n## ", README, re.DOTALL)
    assert "*Radiogenomics*" in section
    assert "CITATION.cff" in README
    assert (PROJECT / "CITATION.cff").is_file()


# The application


def test_the_workflow_for_the_application_names_files_that_exist_and_says_that_it_was_not_run() -> None:
    path = PROJECT / ".github" / "workflows" / "slicer.yml"
    text = path.read_text(encoding="utf-8")
    assert "NOT RUN YET" in text.split("\n\n")[0]
    workflow = yaml.safe_load(text)
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    (test,) = [run for run in runs if "--python-code" in run]
    assert workflow["jobs"]["self-test"]["strategy"]["matrix"]["stability"] == ["release", "nightly"]
    assert {"ubuntu-latest", "windows-latest", "macos-latest"} <= {
        *workflow["jobs"]["package"]["strategy"]["matrix"]["os"]
    }
    (code,) = re.findall(r'--python-code "(.*?)"', test, re.DOTALL)
    ast.parse(code)
    (folder,) = re.findall(r"runUnitTest\(\['(.*?)'\], 'RadiogenomicsSelfTest'\)", code)
    assert (PROJECT / folder / "RadiogenomicsSelfTest.py").is_file()
    for name in re.findall(r"slicer_extension/[\w/.]+|sample_studies", text):
        assert (PROJECT / name).exists(), name
