"""``python -m gliomics.server`` is MONAI Label's own command, which can start any MONAI Label app."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from gliomics.bundled import bundled
from gliomics.errors import DependencyError, GliomicsError
from gliomics.server.dicomweb.address import is_address
from gliomics.server.serve import check_dependencies
from gliomics.server.workspace import Workspace


def main() -> None:
    """Run MONAI Label's command; what is missing of the server part is said in a sentence."""
    try:
        check_dependencies()
    except DependencyError as error:
        sys.exit(f"error: {error}")
    from monailabel.main import Main

    class Command(Main):
        def args_start_server(self, parser: argparse.ArgumentParser) -> None:
            super().args_start_server(parser)
            parser.set_defaults(uvicorn_app="gliomics.server.plain:app")

        def start_server_validate_args(self, args: argparse.Namespace) -> None:
            if is_address(args.studies):
                sys.exit(f"error: an archive is served by: gliomics serve --studies {args.studies[:200]}")
            super().start_server_validate_args(args)
            if Path(args.app) == bundled("apps/radiogenomics").resolve():
                args.app = _own_app_folder(args.studies)

    Command().run()


def _own_app_folder(studies: str) -> str:
    """A folder with our app for MONAI Label to write into: logs, and folders for programs that it downloads."""
    workspace = Workspace(Path(studies))
    try:
        workspace.create()
    except GliomicsError as error:
        sys.exit(f"error: {error}")
    workspace.app.mkdir(exist_ok=True)
    shutil.copyfile(bundled("apps/radiogenomics") / "main.py", workspace.app / "main.py")
    return str(workspace.app)


if __name__ == "__main__":
    main()
