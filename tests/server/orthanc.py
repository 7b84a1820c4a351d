"""Debian's Orthanc with its DICOMweb plugin, on loopback alone; it would listen on every interface by itself."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

USER, PASSWORD = "gliomics", "sesame"
PLUGINS = Path("/usr/lib/orthanc")
_LOOPBACK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
int bind(int handle, const struct sockaddr *address, socklen_t length) {
  int (*bound)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  struct sockaddr_in here;
  if (!address || address->sa_family != AF_INET) return bound(handle, address, length);
  memcpy(&here, address, sizeof here);
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bound(handle, (struct sockaddr *)&here, length);
}
"""
"""A bind() that knows no other address than 127.0.0.1."""


def why_no_orthanc() -> str:
    """Why Orthanc cannot be started here; empty where it can."""
    if shutil.which("Orthanc") is None or not list(PLUGINS.glob("libOrthancDicomWeb.so*")):
        return "needs Orthanc and its DICOMweb plugin (apt install orthanc orthanc-dicomweb)"
    return "" if shutil.which("gcc") else "needs gcc, to hold Orthanc to loopback"


@contextmanager
def an_orthanc(folder: Path, files: Path) -> Iterator[str]:
    """The DICOMweb address of an Orthanc that has the files below a folder, while the block runs."""
    source, library = folder / "loopback.c", folder / "loopback.so"
    source.write_text(_LOOPBACK)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"), "HttpPort": port,
        "DicomServerEnabled": False, "RemoteAccessAllowed": True, "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD}, "Plugins": [str(path) for path in PLUGINS.glob("libOrthancDicomWeb.so*")],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen(
            ["Orthanc", folder / "orthanc.json"], stdout=log, stderr=log, env={**os.environ, "LD_PRELOAD": str(library)}
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        for path in sorted(path for path in files.rglob("*") if path.is_file()):
            answer = requests.post(f"{url}/instances", data=path.read_bytes(), auth=(USER, PASSWORD), timeout=60)
            answer.raise_for_status()
        yield f"{url}/dicom-web"
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        try:
            requests.get(f"{url}/system", auth=(USER, PASSWORD), timeout=10).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Orthanc did not start; see its log")
