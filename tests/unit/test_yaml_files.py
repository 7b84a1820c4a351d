from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.yaml_files import MOST_BYTES, read_yaml


def aliases(levels: int) -> str:
    """A list of nine of a list of nine of ..., written in a few lines."""
    names = "abcdefghijk"[: levels + 1]
    lines = [f"{names[0]}: &{names[0]} [x, x, x, x, x, x, x, x, x]"]
    for below, name in itertools.pairwise(names):
        lines.append(f"{name}: &{name} [{', '.join(['*' + below] * 9)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 3000 + "]" * 3000, "nested deeper than 64 levels"),
        ("[" * 100 + "]" * 100, "nested deeper than 64 levels"),
        ("&a [*a]", "nested deeper than 64 levels"),
        ("&a [*a, *a]", "more than 100000 items"),
        (aliases(8), "more than 100000 items"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a: !!timestamp never", "a value is not what its tag says"),
        ("a: !!int ''", "a value is not what its tag says"),
        ("a: 1\na: 2", "'a' stands there twice"),
        ("[a]: 1", "found unhashable key"),
        ("a: " + "1" * 5000, "not valid YAML"),
        ("a: \x00", "special characters are not allowed"),
        ("#" * (MOST_BYTES + 1), "larger than 256 kB"),
    ],
)
def test_what_no_parameters_look_like_is_refused_with_the_reason(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(InputError, match=f"p.yaml .*{message}"):
        read_yaml(tmp_path / "p.yaml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_parameters_are_read_in_each_encoding_of_yaml(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("setting: {label: 2}\nother: [1.5, größe]", encoding=encoding)
    assert read_yaml(tmp_path / "p.yaml") == {"setting": {"label": 2}, "other": [1.5, "größe"]}


def test_sections_that_are_written_once_and_used_twice_are_read(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("a: &a {label: 2}\nb: *a\nc: {<<: *a, x: 1}")
    assert read_yaml(tmp_path / "p.yaml") == {"a": {"label": 2}, "b": {"label": 2}, "c": {"label": 2, "x": 1}}
