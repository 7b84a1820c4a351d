"""The extension as 3D Slicer and its Extensions Index want it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness import EXTENSION, i18n

from gliomics.packages import COMPUTING

PROJECT = EXTENSION.parents[1]
LIBRARY = EXTENSION / "RadiogenomicsLib"
ALLOWED = {
    *sys.stdlib_module_names,
    "slicer",
    "vtk",
    "qt",
    "ctk",
    "numpy",
    "requests",
    "SampleData",
    "gliomics",
    "RadiogenomicsLib",
}
ALLOWED_OF_LIBRARY = {
    "gliomics",
    "gliomics.client",
    "gliomics.client.heat_maps",
    "gliomics.errors",
    "gliomics.files",
    "gliomics.packages",
    "gliomics.reading",
    "gliomics.reading.changes",
    "gliomics.reading.exports",
    "gliomics.reading.feature_words",
    "gliomics.reading.numbers",
    "gliomics.reading.record",
    "gliomics.reading.terminology",
    "gliomics.records",
    "gliomics.sequences",
    "gliomics.version",
}
HARNESS = Path(i18n.__file__).parent
SOURCES = sorted(path for path in EXTENSION.rglob("*.py"))


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_file_imports_only_what_slicer_has(path: Path) -> None:
    names = imports(path)
    assert {name.split(".")[0] for name in names} <= ALLOWED
    assert {name for name in names if name.split(".")[0] == "gliomics"} <= ALLOWED_OF_LIBRARY


@pytest.mark.parametrize(
    "name",
    [
        "panel/selected",
        "panel/view/arrangement",
        "panel/view/colours",
        "panel/view/readinghtml",
        "panel/view/status",
        "panel/facts",
        "panel/history",
        "panel/viewmodel",
        "scene/terminology",
        "sequences",
        "here/calls",
        "here/packages",
        "here/process",
        "server/backends",
        "server/jobs",
        "server/localserver",
        "server/servercalls",
        "server/slices",
        "server/volumes",
        "wording",
    ],
)
def test_files_without_qt_and_mrml_stay_so(name: str) -> None:
    assert not imports(LIBRARY / f"{name}.py") & {"slicer", "slicer.util", "vtk", "qt", "ctk"}


def test_the_panel_never_turns_the_event_loop_itself() -> None:
    assert not [path.name for path in LIBRARY.rglob("*.py") if "processEvents" in path.read_text(encoding="utf-8")]


def test_the_module_file_is_short() -> None:
    assert len((EXTENSION / "Radiogenomics.py").read_text(encoding="utf-8").splitlines()) < 140


def listed(variable: str) -> list[str]:
    """The entries of a list in the module's CMakeLists.txt."""
    text = (EXTENSION / "CMakeLists.txt").read_text(encoding="utf-8")
    (body,) = re.findall(rf"set\({variable}\s+(.*?)\)", text, re.DOTALL)
    return [entry.replace("${MODULE_NAME}", "Radiogenomics") for entry in body.split()]


def test_every_file_of_the_extension_is_installed() -> None:
    assert sorted(listed("MODULE_PYTHON_SCRIPTS")) == [str(path.relative_to(EXTENSION)) for path in SOURCES]
    resources = sorted(path for path in (EXTENSION / "Resources").rglob("*") if path.is_file())
    assert sorted(listed("MODULE_PYTHON_RESOURCES")) == [str(path.relative_to(EXTENSION)) for path in resources]


SLICER_CONFIG = """
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/use.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/nothing.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/nothing.cmake")
set(Slicer_LAUNCHER_EXECUTABLE "${CMAKE_COMMAND}")
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/qt-scripted-modules")
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "lib/qt-scripted-modules")
function(ctkMacroCompilePythonScript)
  cmake_parse_arguments(MY "NO_INSTALL_SUBDIR;GLOBAL_TARGET" "TARGET_NAME;SOURCE_DIR;DESTINATION_DIR;INSTALL_DIR"
    "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "unknown arguments ${MY_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT MY_SOURCE_DIR)
    set(MY_SOURCE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${MY_SOURCE_DIR}/${file} DESTINATION ${MY_INSTALL_DIR}/${folder})
  endforeach()
endfunction()
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MODULE "WITH_GENERIC_TESTS;WITH_SUBDIR" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  ctkMacroCompilePythonScript(TARGET_NAME ${MODULE_NAME} SCRIPTS "${MODULE_SCRIPTS}" RESOURCES "${MODULE_RESOURCES}"
    INSTALL_DIR ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR} NO_INSTALL_SUBDIR)
endmacro()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's folder after a real CMake run with a stand-in for Slicer's own CMake package."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    folder = tmp_path_factory.mktemp("cmake")
    (folder / "SlicerConfig.cmake").write_text(SLICER_CONFIG)
    (folder / "nothing.cmake").write_text("")
    (folder / "use.cmake").write_text("include(CTest)\n")
    # The languages are left out: a scripted extension compiles nothing.
    source = folder / "source"
    source.mkdir()
    for name in ("slicer_extension", "lib", "sample_studies"):
        (source / name).symlink_to(PROJECT / name)
    text = (PROJECT / "CMakeLists.txt").read_text(encoding="utf-8")
    (source / "CMakeLists.txt").write_text(text.replace("project(Gliomics)", "project(Gliomics NONE)"))
    run = ["cmake", "-S", str(source), "-B", str(folder / "build"), f"-DSlicer_DIR={folder}"]
    subprocess.run(run, check=True, capture_output=True, text=True)
    install = ["cmake", "--install", str(folder / "build"), "--prefix", str(folder / "out")]
    subprocess.run(install, check=True, capture_output=True, text=True)
    return folder / "out" / "lib" / "qt-scripted-modules"


def test_cmake_installs_the_module_with_the_library_s_part(installed: Path) -> None:
    names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert {
        "Radiogenomics.py",
        "Resources/UI/Radiogenomics.ui",
        "Resources/UI/Server.ui",
        "gliomics/client/client.py",
        "gliomics/features/presets/panel.yaml",
        "gliomics/models/shipped/subtype_idh/model.json",
        *(f"SampleStudies/sample-02/{sequence}.nii.gz" for sequence in ("flair", "t1", "t1c", "t2")),
    } <= names
    assert not [name for name in names if name.startswith(("gliomics/server", "gliomics/segmentation"))]
    assert not [name for name in names if "shipped/segmentation" in name]


def test_each_test_inside_slicer_is_one_of_ctest(installed: Path) -> None:
    """Its command runs the method of that name."""
    build = installed.parents[2] / "build"
    listing = subprocess.run(
        ["ctest", "--show-only=json-v1"], cwd=build, check=True, capture_output=True, text=True
    ).stdout
    commands = {test["name"]: test["command"] for test in json.loads(listing)["tests"]}
    source = (EXTENSION / "Testing" / "Python" / "RadiogenomicsSelfTest.py").read_text(encoding="utf-8")
    methods = [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert len(methods) > 10
    assert sorted(commands) == sorted(f"py_Radiogenomics_{name}" for name in methods)
    for name in methods:
        code = commands[f"py_Radiogenomics_{name}"][-1]
        assert f"'RadiogenomicsSelfTest.RadiogenomicsSelfTest.{name}'" in code
        ast.parse(code)


BLOCKED = """
import importlib.abc, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ImportError(name + " is not in 3D Slicer")
sys.meta_path.insert(0, Blocker())
sys.path[:0] = {folder!r}, {harness!r}
from harness import i18n
i18n.install()
from RadiogenomicsLib import wording
from RadiogenomicsLib.panel import viewmodel
from RadiogenomicsLib.panel.view import readinghtml
from RadiogenomicsLib.server import backends, jobs, servercalls, volumes
import gliomics, gliomics.sequences
backends.ServerBackend("http://127.0.0.1:8000")
assert "requests" not in sys.modules
print(gliomics.__file__)
"""


def test_the_installed_part_imports_without_the_rest_of_the_library(installed: Path) -> None:
    blocked = {"torch", "monai", "monailabel", "nibabel", "SimpleITK", "scipy", "pydantic", "yaml", "sklearn", "typer"}
    code = BLOCKED.format(blocked=blocked, folder=str(installed), harness=str(HARNESS.parent))
    result = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, cwd=installed, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(installed / "gliomics" / "__init__.py")


ONLY_SLICER_S = """
import importlib.abc, sys, sysconfig
from importlib.machinery import PathFinder
site = sysconfig.get_paths()["purelib"]
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if path is None and name not in {allowed} and PathFinder.find_spec(name, [site]) is not None:
            raise ModuleNotFoundError(name + " is not in 3D Slicer", name=name)
sys.meta_path.insert(0, Blocker())
sys.modules["numba"] = None
sys.path.insert(0, "")
import gliomics.answers.process
gliomics.answers.process.main()
"""
OF_SLICER = {"SimpleITK", "certifi", "charset_normalizer", "idna", "numpy", "packaging", "pydicom", "requests", "scipy"}
BROUGHT = {"PIL", "annotated_types", "imageio", "lazy_loader", "networkx", "pydantic_core", "tifffile"}
BROUGHT |= {"typing_extensions", "typing_inspection", "urllib3"}
"""What the packages that are installed bring along, and what 3D Slicer's have."""


def test_the_installed_part_computes_with_what_slicer_has_and_the_packages_that_are_asked_for(
    installed: Path, tmp_path: Path
) -> None:
    study = PROJECT / "sample_studies" / "sample-02"
    request = {
        "task": "subtype",
        "answer": str(tmp_path / "answer.json"),
        "study_id": "case-1",
        "files": {"flair": str(study / "flair.nii.gz"), "t1": str(study / "t1.nii.gz")},
        "label": str(PROJECT / "sample_studies" / "truth" / "sample-02.nii.gz"),
        "region": "tumour",
    }
    code = ONLY_SLICER_S.format(allowed={*COMPUTING, *OF_SLICER, *BROUGHT})
    result = subprocess.run(
        [sys.executable, "-I", "-c", code],
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        cwd=installed,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    answer = json.loads((tmp_path / "answer.json").read_text())
    assert "refusal" not in answer, answer
    assert answer["result"]["not_estimated"] == {}
    assert len(answer["result"]["estimates"]) == 4


@pytest.fixture
def module(scene: Any) -> Any:
    """The module, loaded as the application does."""
    from harness.application import loadModule

    return loadModule(EXTENSION / "Radiogenomics.py")


def test_the_module_describes_itself(module: Any) -> None:
    import slicer

    description = slicer.modules.radiogenomics
    assert description.title == "Radiogenomics"
    assert description.contributors == ["Gliomics maintainers"]
    assert "not for diagnosis" in description.helpText


def test_the_module_s_widget_builds_the_panel_and_cleans_it_up(module: Any) -> None:
    from harness.application import openPanel, unload

    panel = openPanel(module).panel
    assert panel.model.state.value == "no server"
    unload(module)
    assert panel.subscriptions.slots == []


@pytest.mark.usefixtures("redView")
def test_the_module_s_self_test_passes(module: Any) -> None:
    module.RadiogenomicsTest().runTest()


def test_the_self_test_launcher_fails_when_a_test_fails(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from RadiogenomicsLib.scene.logic import RadiogenomicsLogic

    monkeypatch.setattr(RadiogenomicsLogic, "labelValues", lambda self, segmentation, known: {})
    with pytest.raises(AssertionError, match="test_an_oblique_mask_keeps_its_values_and_place"):
        module.RadiogenomicsTest().runTest()
