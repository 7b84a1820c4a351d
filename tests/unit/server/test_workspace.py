from __future__ import annotations

from pathlib import Path

from gliomics.server.workspace import Workspace


def test_what_a_kill_leaves_half_written_is_cleared_wherever_the_server_writes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.create()
    folders = [tmp_path, tmp_path / "labels" / "final", workspace.root, workspace.models / "tiny"]
    folders += [workspace.history / "case" / "final", workspace.reviews / "final", workspace.removed / "case-1"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".tmp-half.json").write_text("{")
        (folder / "kept.json").write_text("{}")
    (workspace.models / "tiny" / ".tmp-version").mkdir()
    (workspace.models / "tiny" / ".tmp-version" / "weights").write_bytes(b"half")
    workspace.clear_leftovers()
    assert not list(tmp_path.rglob(".tmp-*"))
    assert len(list(tmp_path.rglob("kept.json"))) == len(folders)
