"""Whatever a command is given, it ends in a sentence, never in a traceback."""

from __future__ import annotations

import functools
import os
import shutil
import socket
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from gliomics.cli.main import app, main
from gliomics.study import Study, Volume, write_mask, write_study_json, write_volume

pytestmark = pytest.mark.slow

AFFINE = np.diag([-1.0, -1.0, 3.0, 1.0])

COMMANDS: dict[str, str] = {
    "demo": "--out {occupied}",
    "import": "{empty} {new}",
    "import-dicom": "{empty} {new}",
    "import-lgg": "{empty} {new}",
    "serve": "--studies {studies} --port {port}",
    "open": "{studies} --port {port} --no-browser",
    "segment": "{studies} --model segmentation_flair --out {new}",
    "features": "{studies} --masks {empty} --out {new} --maps original_firstorder_Mean --workers 1 --cache {cache}",
    "stability": "{studies} --masks {empty} --out {new}",
    "describe-features": "",
    "ibsi": "{empty} --out {new}",
    "vasari": "{studies} --masks {empty} --out {new}",
    "report": "{studies}/case-1 --mask {empty} --out {new}",
    "export": "case-1 --studies {studies} --mask {empty} --out {new}",
    "delta": "{table} --out {new}",
    "make-samples": "{occupied}",
    "subtype predict": "{table} --model subtype_idh --out {new}",
    "subtype fit": "{table} --outcomes {outcomes} --target grade --out {new}",
    "subtype explain": "subtype_idh {table} --study case-1",
    "subtype evaluate": "subtype_idh {table} --outcomes {outcomes} --target grade --out {new}",
    "subtype compare": "{table} --outcomes {outcomes} --target grade --out {new}",
    "subtype fit-network": "{studies} --masks {empty} --outcomes {outcomes} --target grade --out {new}",
    "subtype predict-network": "{studies} --masks {empty} --model {empty} --out {new}",
    "cohort associate": "{empty} --outcomes {outcomes} --target grade --out {new}",
    "cohort expression": "{empty} --expression {outcomes} --out {new}",
    "cohort harmonise": "{empty} --outcomes {outcomes} --batch grade --out {new}",
    "cohort report": "{empty} --out {new}",
    "cohort response": "{table} --out {new}",
    "cohort survival": "{empty} --outcomes {outcomes} --time grade --unit days --event grade --out {new}",
    "train segmentation": "--data {studies} --out {new} --config {training} --split {split}",
    "train correction": "--data {studies} --out {new} --masks {empty} --config {training} --split {split}",
    "evaluate segmentation": "{studies} --masks {empty} --out {new}",
    "simulate active-learning": "{studies} --out {new} --config {training} --split {split}",
    "simulate asked-slices": "{studies} --out {new} --config {training} --split {split}",
    "masks resample": "{empty} {studies} --out {new}",
    "masks brain": "{studies} --out {new} --masks {empty}",
    "masks from-dicom": "{table} {new}",
    "models list": "--studies {studies}",
    "models add": "{empty} --studies {studies}",
    "models show": "segmentation_flair --studies {studies}",
    "models rollback": "segmentation_flair --studies {studies}",
    "tokens add": "dr-a --studies {studies} --role reader",
    "tokens remove": "dr-a --studies {studies}",
    "tokens list": "--studies {studies}",
}
"""For each command, arguments that it reads all of and can do little or nothing with, so that it ends soon."""

NUMBERS = ["-1", "0", "1" + "0" * 30, "nan", "inf", "1e300", "x", ""]
TEXTS = [
    "",
    " ",
    "../../x",
    "a" * 5000,
    "=HYPERLINK(1)",
    "[red]",
    "\udcff",
    "naïve—名",
    "²",
    "-",
    "a=b=c",
    "tcp://[::1",
]
FOLDERS = (
    "brain", "cache", "data", "dest", "labels", "maps", "masks", "models", "out", "replay", "source", "studies",
    "validated_by",
)  # fmt: skip
"""Parameters that are no files with text."""
NAME_OR_FILE = ("config", "model", "study")
"""Parameters that may be the name of something that Gliomics has, or a file."""


@functools.cache
def commands() -> dict[str, Any]:
    """Every command that the parser knows, hidden ones too, by what is typed."""
    found: dict[str, Any] = {}

    def walk(command: Any, name: str) -> None:
        if hasattr(command, "commands"):
            for part, below in command.commands.items():
                walk(below, f"{name} {part}".strip())
        else:
            found[name] = command

    walk(typer.main.get_command(app), "")
    return found


@functools.cache
def parameters() -> list[tuple[str, Any]]:
    return [
        (name, parameter)
        for name, command in sorted(commands().items())
        for parameter in command.params
        if not getattr(parameter, "is_flag", False) and parameter.name != "help"
    ]


def test_every_command_of_the_parser_is_tried() -> None:
    assert sorted(commands()) == sorted(COMMANDS)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What stands in braces in the arguments of the commands."""
    root = tmp_path_factory.mktemp("hostile")
    studies = root / "studies"
    for number in (1, 2):
        folder = studies / f"case-{number}"
        shape = (32, 32, 4)
        write_volume(Volume(np.full(shape, number, np.float32), AFFINE), folder / "adc.nii.gz")
        study = Study(id=folder.name, patient_id=folder.name, folder=folder, sequences={"adc": folder / "adc.nii.gz"})
        write_study_json(folder, [study])
        write_mask(Volume(np.ones(shape, np.uint8), AFFINE), studies / "labels" / "final" / f"{folder.name}.nii.gz")
    texts = {
        "table": "study_id,region,diagnostics_patient_id,flair_original_firstorder_Mean\ncase-1,whole,case-1,1.5\n",
        "outcomes": "patient_id,grade\ncase-1,2\n",
        "split": '{"test": ["case-1", "case-2"]}',
    }
    found = {"studies": studies, "training": Path("segmentation_flair")}
    for name, text in texts.items():
        found[name] = root / f"{name}.csv"
        found[name].write_text(text)
    for name in ("empty", "occupied", "cache"):
        found[name] = root / name
        found[name].mkdir()
    (root / "occupied" / "thesis.docx").write_text("years of work")
    found["new"] = root / "new"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield {**{name: str(path) for name, path in found.items()}, "port": str(taken.getsockname()[1])}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Paths where neither a file can be read nor a folder be made, by what is there."""
    root = tmp_path_factory.mktemp("paths")
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to(root / "loop")
    (root / "file").write_bytes(bytes(range(256)) * 64)
    return {
        **{name: str(root / name) for name in ("pipe", "loop", "file")},
        "folder": str(root),
        "missing": str(root / "none" / "x.csv"),
        "long": str(root / ("a" * 300)),
        "zeros": "/dev/zero",
        "full": "/dev/full",
        "unwritable": "/proc/gliomics/x.csv",
        "nothing": "",
    }


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files with text that is none, or says nothing that any command could use."""
    root = tmp_path_factory.mktemp("contents")
    nested = ("[" * 3000 + "]" * 3000).encode()
    written: dict[str, bytes] = {
        "empty.csv": b"",
        "binary.csv": bytes(range(256)) * 64,
        "utf16.csv": "patient_id,grade\ncase-1,2\n".encode("utf-16"),
        "latin1.csv": "study_id,größe\ncase-1,2\n".encode("latin-1"),
        "nested.json": nested,
        "nested.yaml": nested,
        "recursive.yaml": b"&a [*a, *a]",
        "wide.yaml": b"a: &a [x]\n"
        + b"".join(
            f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n".encode()
            for old, new in zip("abcdef", "bcdefg", strict=True)
        ),
        "tag.yaml": b"a: !!timestamp never",
        "code.yaml": b"!!python/object/apply:os.system ['touch /tmp/never']",
        "list.yaml": b"[1, 2]",
        "number.json": b"1e999",
        "types.json": b'{"test": 5, "sequences": [], "masks": null, "format": "x"}',
        "quotes.csv": b'study_id,a\n"case-1,2\n',
        "ragged.csv": b"study_id,a\ncase-1\ncase-2,3,4,5\n",
        "not_numbers.csv": b"study_id,patient_id,a\ncase-1,case-1,inf\ncase-2,case-2,nan\ncase-3,case-3,1e999\n",
    }
    with (root / "huge.yaml").open("wb") as file:
        file.truncate(1 << 40)
    for name, content in written.items():
        (root / name).write_bytes(content)
    return {name: str(root / name) for name in (*written, "huge.yaml")}


Run = Callable[[list[str]], str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the command line; what it says on standard error, after checking that it ends as it should."""
    working = tmp_path / "below" / "below"
    working.mkdir(parents=True)
    (working / "thesis.docx").write_text("years of work")
    monkeypatch.chdir(working)

    def run(arguments: list[str]) -> str:
        monkeypatch.setattr("sys.argv", ["gliomics", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        error = capsys.readouterr().err
        assert "Traceback" not in error, arguments
        assert "should have said why" not in error, (arguments, error)
        assert stop.value.code in (0, 1, 2), (arguments, error)
        assert stop.value.code == 0 or error.strip(), arguments
        return error

    return run


def with_value(name: str, parameter: Any, value: str, places: dict[str, str]) -> list[str]:
    """The command's arguments with another value for one of its parameters."""
    words = [word.format(**places) for word in COMMANDS[name].split()]
    if not parameter.opts[0].startswith("-"):
        arguments = [each for each in commands()[name].params if not each.opts[0].startswith("-")]
        words[[each.name for each in arguments].index(parameter.name)] = value
        return [*name.split(), "--", *words] if value.startswith("-") else [*name.split(), *words]
    option = max(parameter.opts, key=len)
    if option in words:
        del words[words.index(option) : words.index(option) + 2]
    return [*name.split(), *words, f"{option}={value}"]


def values_for(name: str, parameter: Any, paths: dict[str, str], contents: dict[str, str]) -> list[str]:
    """What a parameter is tried with, by its type and by whether it may be a file that is read."""
    kinds = str(typing.get_type_hints(commands()[name].callback)[parameter.name])
    if "int" in kinds or "float" in kinds:
        return [value for value in NUMBERS if (parameter.name, value) != ("port", "0")]  # any port: it would serve
    files = [] if parameter.name in FOLDERS else list(contents.values())
    if "Path" not in kinds:
        return TEXTS + (files if parameter.name in NAME_OR_FILE else [])
    # Into a new folder, these two would write all that they can.
    writes = (name, parameter.name) in {("demo", "out"), ("make-samples", "dest")}
    return [value for kind, value in paths.items() if not (writes and kind == "missing")] + files


@pytest.mark.parametrize("number", range(len(parameters())), ids=lambda number: parameter_id(number))
def test_no_value_of_a_parameter_ends_in_a_traceback(
    number: int, places: dict[str, str], paths: dict[str, str], contents: dict[str, str], run: Run
) -> None:
    name, parameter = parameters()[number]
    values = values_for(name, parameter, paths, contents)
    for value in values[number % 4 :: 4]:  # all of them for all parameters: tests/benchmarks/test_hostile_input.py
        try_value(name, parameter, value, places, run)


def parameter_id(number: int) -> str:
    name, parameter = parameters()[number]
    return f"{name}-{parameter.name}"


def try_value(name: str, parameter: Any, value: str, places: dict[str, str], run: Run) -> None:
    """Run a command with another value for one of its parameters."""
    run(with_value(name, parameter, value, places))
    shutil.rmtree(places["new"], ignore_errors=True)


READ_STUDIES = [
    name
    for name, words in COMMANDS.items()
    if "{studies}" in words and name.split()[0] not in ("serve", "models", "tokens")
]


@pytest.mark.parametrize("name", READ_STUDIES)
@pytest.mark.parametrize("file", ["study.json", "adc.nii.gz"])
def test_no_content_of_a_study_ends_in_a_traceback(
    name: str,
    file: str,
    places: dict[str, str],
    paths: dict[str, str],
    contents: dict[str, str],
    tmp_path: Path,
    run: Run,
) -> None:
    studies = tmp_path / "studies"
    shutil.copytree(places["studies"], studies)
    replaced = studies / "case-1" / file
    arguments = [
        *name.split(),
        *[word.format(**{**places, "studies": str(studies)}) for word in COMMANDS[name].split()],
    ]
    texts = [
        contents[kind] for kind in ("empty.csv", "binary.csv", "utf16.csv", "nested.json", "list.yaml", "types.json")
    ]
    for path in [*texts, paths["pipe"], paths["loop"], paths["folder"], "/dev/zero"]:
        replaced.unlink()
        if Path(path).is_file():
            os.link(path, replaced)
        else:
            replaced.symlink_to(path)
        run(arguments)
        shutil.rmtree(places["new"], ignore_errors=True)
