"""The interpreter that forked servers start their trainings with: it has them forked from the same template.

``launcher.py PYTHON SOCKET -m monailabel.interfaces.utils.app ...`` asks the template that listens at ``SOCKET``, hands
on signals, and ends as the training does. A training is killed when its launcher is, and left without a parent, as it
would be without a launcher, when its server ends. All else is run by ``PYTHON``.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from pathlib import Path

MODULE = "monailabel.interfaces.utils.app"


def launch(address: str, arguments: list[str]) -> int:
    """Have a training forked and wait until it ends; its exit code, negative for a signal."""
    server = os.getppid()
    with socket.socket(socket.AF_UNIX) as template:
        template.connect(address)
        request = {"module": MODULE, "argv": arguments, "env": {**os.environ}, "cwd": str(Path.cwd())}
        message = json.dumps({**request, "own_session": False, "open_files": None}).encode()
        socket.send_fds(template, [len(message).to_bytes(4, "little")], [0, 1, 2])
        template.sendall(message)
        training = int.from_bytes(template.recv(4), "little")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(training, number))
        while not select.select([template], [], [], 0.1)[0]:
            if os.getppid() != server:
                template.send(b"gone")
                return 1
        return int.from_bytes(template.recv(4), "little", signed=True)


def main() -> None:
    python, address, *arguments = sys.argv[1:]
    if arguments[:2] != ["-m", MODULE]:
        os.execv(python, [python, *arguments])
    code = launch(address, arguments[2:])
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
