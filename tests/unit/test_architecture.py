"""Imports point downwards only, and what must be light is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import gliomics
from gliomics import packages

PACKAGE = Path(gliomics.__file__).parent
FRONT_DOOR = "import gliomics"
LAYERS = [
    {"errors", "version"},
    {"bundled", "loading", "packages", "notebook", "cluster"},
    {"files", "records", "sequences", "statistics"},
    {"csv_files", "yaml_files", "validated", "reading"},
    {"study", "client"},
    {"dicom", "preprocess", "models", "samples"},
    {"intake", "evaluation", "features", "radiology"},
    {"segmentation"},
    {"training", "subtype", "cohort", "brain_extraction"},
    {"interactive", "active", "findings", "tumour_network", "association", "survival"},
    {"report", "answers"},
    {"export"},
    {"server", "session"},
    {"cli", FRONT_DOOR},
]
LIGHT_PART = [
    "gliomics.cli.main",
    "gliomics.client",
    "gliomics.cohort",
    "gliomics.intake",
    "gliomics.models",
    "gliomics.features.config",
    "gliomics.samples",
    "gliomics.session",
    "gliomics.study",
]
"""What works after ``pip install .``, without the server part."""


def layer_of(module: str) -> int:
    part = module.split(".")[1] if "." in module else FRONT_DOOR
    return next((level for level, names in enumerate(LAYERS) if part in names), -1)


def _modules() -> dict[str, Path]:
    files = [path for path in PACKAGE.rglob("*.py") if "bundle" not in path.parts]
    names = {".".join(("gliomics", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in files}
    return {name.removesuffix(".__init__"): path for name, path in names.items() if not name.endswith("__main__")}


MODULES = _modules()


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {part if part in MODULES else node.module for part in parts}
    return {name for name in names if name.split(".")[0] == "gliomics"}


def test_every_module_has_its_layer() -> None:
    assert [name for name in MODULES if layer_of(name) < 0] == []


def test_modules_import_only_their_own_package_or_lower_layers() -> None:
    upward = {
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in imports_of(path)
        if name.split(".")[:2] != module.split(".")[:2] and layer_of(name) >= layer_of(module)
    }
    assert upward == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {module: imports_of(path) for module, path in MODULES.items()}
    while leaves := [module for module, names in imports.items() if not names & {*imports}]:
        for module in leaves:
            del imports[module]
    assert sorted(imports) == []


def test_only_apps_and_the_command_line_import_the_server() -> None:
    importers = [name for name, path in MODULES.items() if any("gliomics.server" in i for i in imports_of(path))]
    assert [name for name in importers if not name.startswith(("gliomics.server", "gliomics.cli"))] == []


def third_party(path: Path) -> set[str]:
    """Top-level names of what a file imports from outside the standard library and Gliomics, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"gliomics"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    imported = set().union(*(third_party(path) for path in PACKAGE.rglob("*.py")))
    server = {*packages.SERVER, *packages.ENGINE}
    assert imported == {*packages.LIGHT, *server, *packages.FAST, *packages.CLUSTER, *packages.TABLES}


NEWER = {
    "datetime": {"UTC"},
    "enum": {"StrEnum"},
    "typing": {"LiteralString", "Never", "Self", "assert_never", "override"},
}
"""What Python 3.10 lacks, with which ``pip install .`` works, by its module."""


def test_nothing_is_imported_that_the_oldest_python_lacks() -> None:
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert NEWER.get(node.module or "", set()).isdisjoint({alias.name for alias in node.names}), path
            elif isinstance(node, ast.Import):
                assert "tomllib" not in {alias.name for alias in node.names}, path


def refused_imports(modules: list[str], allowed: set[str]) -> str:
    """What importing ``modules`` makes Gliomics itself import of third parties beyond ``allowed``, and where."""
    code = (
        "import builtins, importlib, sys\n"
        "original, refused = builtins.__import__, set()\n"
        "def watched(name, globals=None, locals=None, fromlist=(), level=0):\n"
        "    importer, top = str((globals or {}).get('__name__')), name.split('.')[0]\n"
        "    if level == 0 and importer.startswith('gliomics') and top not in known:\n"
        "        refused.add(f'{importer} imports {top}')\n"
        "    return original(name, globals, locals, fromlist, level)\n"
        f"known = sys.stdlib_module_names | {allowed | {'gliomics'}!r}\n"
        "builtins.__import__ = watched\n"
        f"for module in {modules!r}:\n"
        "    importlib.import_module(module)\n"
        "print(*sorted(refused), sep=', ')\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def test_light_part_imports_only_what_every_installation_has() -> None:
    assert refused_imports(LIGHT_PART, set(packages.LIGHT)) == ""


def test_what_slicer_imports_needs_only_numpy_and_requests() -> None:
    modules = ["gliomics.client", "gliomics.records", "gliomics.sequences"]
    assert refused_imports(modules, {"numpy", "requests", "urllib3"}) == ""  # requests brings urllib3


def test_what_needs_no_network_loads_no_torch() -> None:
    modules = [
        "gliomics.evaluation.agreement",
        "gliomics.evaluation.slice_calls",
        "gliomics.evaluation.tables",
        "gliomics.models.champion",
        "gliomics.statistics.bootstrap",
        "gliomics.subtype.retrain",
    ]
    code = (
        "import importlib, sys\n"
        f"for module in {modules!r}:\n"
        "    importlib.import_module(module)\n"
        "    if 'torch' in sys.modules:\n"
        "        sys.exit(f'{module} loads torch')\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_no_file_is_longer_than_400_lines() -> None:
    long = {name: n for name, path in MODULES.items() if (n := len(path.read_text().splitlines())) > 400}
    assert long == {}


def test_no_folder_holds_more_than_15_modules() -> None:
    folders = Counter(path.parent for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
    crowded = {str(folder.relative_to(PACKAGE)): n for folder, n in folders.items() if n > 15}
    assert crowded == {}
