"""How a command ends: its exit code, and the one line on standard error that says why."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback

from gliomics.errors import GliomicsError
from gliomics.packages import server_part_missing

REFUSED = 2
"""The user can mend it: an input, an option, a folder that cannot be written, a part that is not installed."""
FAILED = 1
INTERRUPTED = 130


def exit_code(error: BaseException) -> int:
    """End a command that raised ``error``: say why in one line on standard error, and give its exit code."""
    if isinstance(error, SystemExit):
        return _code_of_exit(error)
    message, code = _explain(error)
    say(message if code == INTERRUPTED else f"error: {message}")
    return code


def say(message: str) -> None:
    """The one line on standard error; nothing where that is closed."""
    with contextlib.suppress(OSError):
        print(" ".join(message.split()), file=sys.stderr, flush=True)  # noqa: T201


def open_streams() -> None:
    """Let everything be printed: characters that a terminal lacks as codes, into nowhere where it is closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # else the next file that is opened would take its place
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def flush() -> int:
    """Print what was kept back; 0, or the exit code where it cannot be printed."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # as in `gliomics models list | head -1`
        _print_no_more()
        return FAILED
    except OSError as error:
        _print_no_more()
        say(f"error: standard output cannot be written: {error.strerror}")
        return REFUSED
    return 0


def _print_no_more() -> None:
    with contextlib.suppress(OSError, ValueError):  # ValueError: it has no number in a test
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _code_of_exit(end: SystemExit) -> int:
    """The exit code of a command that ended by itself; Typer makes 130 of Ctrl-C and says nothing."""
    if end.code == INTERRUPTED:
        interrupt = end.__context__.__cause__ if end.__context__ else None
        say(str(interrupt or "") or "stopped")
    return end.code if isinstance(end.code, int) else int(end.code is not None)


def _explain(error: BaseException) -> tuple[str, int]:
    if isinstance(error, GliomicsError):
        return str(error), REFUSED
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "stopped", INTERRUPTED
    if isinstance(error, ModuleNotFoundError) and (missing := server_part_missing(error, "this command")):
        return missing, REFUSED
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename} cannot be used" if error.filename else "a file or an address cannot be used"
        return f"{where}: {error.strerror}; see that it exists, may be read or written, and has room", REFUSED
    if isinstance(error, MemoryError):
        return "there is not enough memory; end other programs, or give less at once", FAILED
    what = f"{type(error).__name__}: {str(error)[:200]}"
    return f"gliomics failed, and should have said why ({what}); please report it{_keep_traceback(error)}", FAILED


def _keep_traceback(error: BaseException) -> str:
    """Write the traceback of an error for a report; the end of the sentence that says where."""
    try:
        handle, path = tempfile.mkstemp(prefix="gliomics-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
            file.writelines(traceback.format_exception(error))
    except OSError:
        return ""
    return f" with {path}"
