from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.files import MAX_JSON_BYTES, MAX_JSON_DEPTH, check_inside, open_file, read_json


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_the_encodings_that_its_marks_tell(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.json").write_bytes('{"größe": [1, 2.5, null]}'.encode(encoding))
    assert read_json(tmp_path / "a.json") == {"größe": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid JSON"),
        (b"\xff\xfe\x00garbage", "is not valid JSON"),
        (b"[" * 100_000, "nested deeper than 64 levels"),
        (b"[" * 400 + b"]" * 400, "nested deeper than 64 levels"),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "nested deeper than 64 levels"),
        (b'{"a": "\\ud800"}', "is not valid JSON"),
        (b'{"\\udcff": 1}', "is not valid JSON"),
        (b'{"a": 1e999}', "1e999 is too large"),
        (b'{"a": NaN}', "NaN is no number of JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not valid JSON"),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
        (b" " * (MAX_JSON_BYTES + 1), "has more than 67,108,864 bytes"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else "",
)
def test_json_that_could_not_be_passed_on_is_refused_by_the_name_of_its_file(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=f"a.json .*{reason}"):
        read_json(tmp_path / "a.json")


@pytest.mark.timeout(10)
def test_key_that_is_there_twice_among_very_many_is_found_at_once(tmp_path: Path) -> None:
    keys = ", ".join(f'"k{number}": 1' for number in range(200_000))
    (tmp_path / "a.json").write_text(f'{{{keys}, "z": 1, "z": 2}}')
    with pytest.raises(InputError, match="the key 'z' is there twice"):
        read_json(tmp_path / "a.json")


def test_json_as_deep_as_the_limit_and_with_pairs_of_surrogates_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[" * MAX_JSON_DEPTH + r'"\ud83d\ude00"' + "]" * MAX_JSON_DEPTH)
    value = read_json(tmp_path / "a.json")
    for _ in range(MAX_JSON_DEPTH):
        (value,) = value
    assert value == "\N{GRINNING FACE}"


def test_what_is_no_regular_file_is_named_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "to-pipe").symlink_to(tmp_path / "pipe")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)  # binding one takes short paths only
    names = {
        "pipe": "is a named pipe",
        "to-pipe": "is a named pipe",
        "folder": "is a folder",
        "socket": "is a socket",
        "loop": "cannot be read: Too many levels",
        "dangling": "is a link to a file that is not there",
        "nothing": "does not exist",
        "x" * 300: "cannot be read: File name too long",
        "pipe/below": "cannot be read: Not a directory",
    }
    for name, reason in names.items():
        with pytest.raises(InputError, match=f"{name} {reason}"):
            open_file(tmp_path / name)
    with pytest.raises(InputError, match="is a device"):
        open_file(Path("/dev/zero"))


def test_a_path_that_leads_through_a_link_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "inside").mkdir(parents=True)
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "in").symlink_to(root / "inside")
    (tmp_path / "linked").symlink_to(root)
    for path in (root / "inside" / "x", root / "in" / "x", tmp_path / "linked" / "in" / "x"):
        assert check_inside(path, tmp_path / "linked") == path
    for path in (root / "out", root / "out" / "x", root / ".." / "outside" / "x"):
        with pytest.raises(InputError, match="through a link out of"):
            check_inside(path, root)


def test_an_error_that_names_a_file_whose_name_is_not_utf8_can_be_printed() -> None:
    name = os.fsdecode(b"a\xff.nii.gz")
    assert str(InputError(f"{name} is odd")) == r"a\udcff.nii.gz is odd"
