"""What one system has and another lacks is called behind a branch, and each branch is gone through here."""

from __future__ import annotations

import ast
import errno
import functools
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from gliomics import files
from gliomics.cli.serving.serve import _kept_to_ourselves
from gliomics.cohort import processes
from gliomics.errors import InputError
from gliomics.features.engines.memory import free_memory
from gliomics.files import atomic_path, is_safe_name, move, safe_name, write_text
from gliomics.models.card import ModelCard
from gliomics.models.folder import write_model_folder
from gliomics.server.gate import connections
from gliomics.server.serve import _listen
from tests.server.studies import TINY, a_card

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("lib/gliomics", "apps", "slicer_extension/Radiogenomics")

OF_ONE_SYSTEM = {
    "fcntl", "grp", "msvcrt", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "winreg", "AF_UNIX",
    "SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SO_EXCLUSIVEADDRUSE", "SO_REUSEADDR",
    "SO_REUSEPORT", "add_signal_handler", "alarm", "chown", "epoll", "fdatasync", "fork", "forkpty", "forkserver",
    "getegid", "geteuid", "getgid", "getloadavg", "getpgid", "getuid", "hardlink_to", "killpg", "mkfifo", "nice",
    "open_unix_connection", "posix_fallocate", "preexec_fn", "pread", "pthread_sigmask", "sched_getaffinity",
    "sched_setaffinity", "sendfile", "setitimer", "setpgid", "setpgrp", "setsid", "start_new_session", "startfile",
    "statvfs", "symlink", "symlink_to", "sysconf", "umask", "uname",
}  # fmt: skip
"""Modules, functions and constants that Windows or macOS lacks, or that do something else there."""

BRANCHED = {
    ("features/engines/memory.py", "resource"): "test_free_memory_is_left_open_where_the_system_does_not_say",
    ("server/gate/connections.py", "resource"): "test_connections_are_fewer_where_no_limit_can_be_asked_for",
    ("server/serve.py", "SO_REUSEADDR"): "test_a_port_is_had_alone",
    ("server/serve.py", "SO_EXCLUSIVEADDRUSE"): "test_a_port_is_had_alone",
    ("cohort/processes.py", "forkserver"): "test_processes_begin_anew_where_none_can_be_forked",
    ("cohort/processes.py", "pthread_sigmask"): "test_processes_begin_anew_where_none_can_be_forked",
    ("cohort/processes.py", "sched_getaffinity"): "test_cores_are_counted_where_a_process_may_use_all",
    ("server/lanes.py", "sched_getaffinity"): "test_cores_are_counted_where_a_process_may_use_all",
    ("server/lanes.py", "nice"): "test_only_linux_lowers_the_priority_of_a_thread",
}
"""What is called all the same, each with the test that goes through its branch."""


@functools.cache
def sources() -> list[tuple[str, list[ast.AST]]]:
    """Every file of the sources, and everything in it."""
    paths = [(path, ROOT / folder) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [
        (path.relative_to(folder).as_posix(), list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
        for path, folder in paths
    ]


def named(node: ast.AST) -> list[str]:
    """The modules and attributes that a piece of code names, and texts that name one for ``getattr``."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").split(".")[0], *(alias.name for alias in node.names)]
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.keyword):
        return [node.arg or ""]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("getattr", "hasattr"):
        return [word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    return []


def test_what_one_system_lacks_is_called_behind_a_branch_alone() -> None:
    calls = {
        (path, name) for path, nodes in sources() for node in nodes for name in named(node) if name in OF_ONE_SYSTEM
    }
    assert calls == set(BRANCHED)
    tests = set(globals())
    assert {test for test in BRANCHED.values() if test not in tests} == set()


def test_texts_are_read_and_written_with_their_encoding_and_newlines() -> None:
    """A system's own encoding is not UTF-8 everywhere, and Windows makes two characters of a newline."""
    faults = []
    for path, nodes in sources():
        for call in (node for node in nodes if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            options = {keyword.arg for keyword in call.keywords}
            modes = {word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)}
            is_text = name in ("read_text", "write_text") or (
                name in ("open", "fdopen") and modes & {"r", "w", "a", "x"}
            )
            if is_text and "encoding" not in options and not (name == "write_text" and isinstance(call.func, ast.Name)):
                faults.append(f"{path}:{call.lineno} without an encoding")
            if name == "write_text" and isinstance(call.func, ast.Attribute) and "newline" not in options:
                faults.append(f"{path}:{call.lineno} without a newline")
    assert faults == []


def test_no_path_of_one_system_is_written_out() -> None:
    places = ("/tmp", "/var", "/usr", "/etc", "/proc", "/dev/", "/bin/", "C:\\")
    found = [
        f"{path}:{node.lineno} {node.value}"
        for path, nodes in sources()
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(places)
        if path != "features/engines/memory.py"  # asks Linux alone
    ]
    assert found == []


@pytest.fixture
def flushing_as_windows_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to flush what was opened to be read alone."""
    fcntl = pytest.importorskip("fcntl")
    flush = os.fsync

    def flush_what_may_be_written(handle: int) -> None:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flush(handle)

    monkeypatch.setattr(os, "fsync", flush_what_may_be_written)


@pytest.mark.usefixtures("flushing_as_windows_does")
def test_files_and_model_folders_are_flushed_as_windows_wants_it(tmp_path: Path) -> None:
    write_text(tmp_path / "note.txt", "kept\n")
    assert (tmp_path / "note.txt").read_bytes() == b"kept\n"
    card: ModelCard = a_card("segmentation_flair", TINY, ["flair"], [])
    folder = write_model_folder(
        tmp_path / "model", card, {"part.bin": lambda path: path.write_bytes(b"weights") and None}
    )
    assert (folder.path / "part.bin").read_bytes() == b"weights"


class InUseError(OSError):
    """What Windows raises for a file that another program has open."""

    winerror = 32


@pytest.mark.parametrize("refusals", [0, 2])
def test_a_file_that_is_read_for_a_moment_is_replaced_after_it(
    refusals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [InUseError(errno.EACCES, "it is in use")] * refusals
    replace = Path.replace

    def replace_when_free(self: Path, target: Path) -> Path:
        if left:
            raise left.pop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", replace_when_free)
    (tmp_path / "old").write_text("old")
    with atomic_path(tmp_path / "old") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "old").read_text() == "new"
    assert left == []


def test_a_file_that_stays_open_elsewhere_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: Path, target: Path) -> Path:
        raise InUseError(errno.EACCES, "it is in use")

    monkeypatch.setattr(Path, "replace", never)
    monkeypatch.setattr(files, "_PATIENCE_SECONDS", 0.1)
    with pytest.raises(InUseError), atomic_path(tmp_path / "new") as temporary:
        temporary.write_text("new")
    assert list(tmp_path.iterdir()) == []


def test_any_other_fault_of_a_rename_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        move(tmp_path / "missing", tmp_path / "new")


@pytest.mark.parametrize(
    "name",
    ["con", "NUL", "aux.nii", "Com1", "lpt9.txt", "case.", "a:b", "a\\b", "a/b", "a b", "a?", 'a"b', "a|b", "a<b"],
)
def test_a_name_that_windows_refuses_is_refused_everywhere(name: str) -> None:
    with pytest.raises(InputError, match="study id"):
        safe_name(name, "study id")


@pytest.mark.parametrize("name", ["contrast", "null", "com10", "auxiliary", "case.1", "lpt"])
def test_names_that_only_begin_like_a_device_are_taken(name: str) -> None:
    assert is_safe_name(name)


def test_connections_are_fewer_where_no_limit_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert connections.connection_limit() == connections.MAX_ON_WINDOWS < 512


def test_a_port_is_had_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has the option, it is set instead of the one that shares there; another stands in for it."""
    with _listen("127.0.0.1", 0) as listening:
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        with pytest.raises(InputError, match="cannot be used"):
            _listen("127.0.0.1", int(listening.getsockname()[1]))
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)
    with _listen("127.0.0.1", 0) as listening:
        assert listening.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not listening.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)


def has_no_interrupts(_: int) -> bool:
    """In a process of a pool: whether Ctrl-C is left to the process that made it."""
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.slow
@pytest.mark.parametrize("forks", [True, False])
def test_processes_begin_anew_where_none_can_be_forked(
    forks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, and where sockets have no room because the path of temporary files is long: as on any server."""
    folder = tmp_path / ("f" * 80)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", "/" if forks else str(folder))
    assert processes.start_method() == ("forkserver" if forks else "spawn")
    if not forks:
        with processes.pool(1) as executor:
            assert list(executor.map(has_no_interrupts, [0])) == [True]
    monkeypatch.setattr(processes.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert processes.start_method() == "spawn"


def test_a_pool_is_no_larger_than_windows_can_wait_for() -> None:
    assert processes.most_processes("win32") == 61
    assert processes.most_processes("linux") is None


def test_cores_are_counted_where_a_process_may_use_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from gliomics.server import lanes

    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert processes.cores() == lanes.cores() == os.cpu_count()


def test_free_memory_is_left_open_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert free_memory() is None


def test_only_linux_lowers_the_priority_of_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it would be that of the whole process, for ever."""
    if not hasattr(os, "getpriority"):
        pytest.skip("Windows has no such number")
    from gliomics.server import lanes

    monkeypatch.setattr(sys, "platform", "darwin")
    before = os.getpriority(os.PRIO_PROCESS, 0)
    lanes.give_way()
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_children_of_an_attached_server_do_not_get_its_standard_input() -> None:
    stream, end = os.pipe()
    kept = _kept_to_ourselves(stream)
    try:
        os.write(end, b"word")
        assert os.read(stream, 4) == b""
        assert os.read(kept, 4) == b"word"
        assert not os.get_inheritable(kept)
    finally:
        for handle in (stream, end, kept):
            os.close(handle)
