"""How commands end: with an exit code, one line at most, and never a traceback."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gliomics.cli.main import main
from gliomics.cli.terminal.ending import exit_code
from gliomics.errors import InputError

pytestmark = pytest.mark.slow

GLIOMICS = [sys.executable, "-m", "gliomics"]
LIST = [*GLIOMICS, "models", "list"]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("a.csv\nis empty"), 2, "error: a.csv is empty"),
        (OSError(errno.EROFS, "Read-only file system", "/media/cd/t.csv"), 2, "/media/cd/t.csv cannot be used: Read-"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "No space left on device; see that it"),
        (ModuleNotFoundError("no", name="torch.nn"), 2, "needs the server part, and 'torch.nn' is not installed"),
        (MemoryError(), 1, "error: there is not enough memory"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_error_ends_in_one_line_and_the_code_that_fits_it(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(error) == code
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_what_nobody_thought_of_ends_in_one_line_that_names_the_file_with_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:
        _ = 1 / 0
    except ZeroDivisionError as error:
        assert exit_code(error) == 1
    line = capsys.readouterr().err
    (kept,) = tmp_path.iterdir()
    assert line.endswith(f"(ZeroDivisionError: division by zero); please report it with {kept}\n")
    assert "_ = 1 / 0" in kept.read_text()


def test_output_that_nobody_reads_on_is_not_complained_about() -> None:
    process = subprocess.Popen(LIST, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert (process.wait(), process.stderr and process.stderr.read()) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_output_that_cannot_be_written_is_said_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(LIST, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


def test_closed_streams_are_no_reason_to_fail(tmp_path: Path) -> None:
    command = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *GLIOMICS, "tokens", "list", "--studies", str(tmp_path)]
    assert subprocess.run(command).returncode == 0


def test_characters_that_a_terminal_lacks_are_printed_as_codes(tmp_path: Path) -> None:
    code = "from gliomics.cli.terminal.ending import open_streams; open_streams(); print('naïve 名 \\udcff')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "na\\xefve \\u540d \\udcff\n"


def test_ctrl_c_ends_in_one_line(tmp_path: Path) -> None:
    dest = tmp_path / "samples"
    process = subprocess.Popen(
        [*GLIOMICS, "make-samples", str(dest)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    end = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1] == "stopped"
    assert "Traceback" not in said
    assert not dest.exists()


def test_server_that_cannot_lock_its_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gliomics" / "server.lock").mkdir(parents=True)  # as where the file system is read-only
    monkeypatch.setattr("sys.argv", ["gliomics", "serve", "--studies", str(tmp_path), "--port", "0"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert f"error: {tmp_path / '.gliomics'} cannot be written (Is a directory)" in capsys.readouterr().err
