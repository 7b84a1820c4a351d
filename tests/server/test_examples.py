"""The example that talks to a server, with one."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.server.servers import Server


def test_example_segments_and_measures_on_a_server(
    a_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["06_ask_a_server.py", a_server.url])
    runpy.run_path(str(PROJECT / "examples" / "06_ask_a_server.py"), run_name="__main__")
    assert (tmp_path / "case-0.nii.gz").stat().st_size > 0
    assert "FeatureRow('case-0', region 'tumour': " in capsys.readouterr().out
