"""The hidden folder ``<studies>/.gliomics`` that holds everything a server writes besides labels and images."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from gliomics.errors import InputError
from gliomics.files import check_inside, is_folder, lies_inside
from gliomics.study.labels import LABELS_FOLDER

WORKSPACE_FOLDER = ".gliomics"


@dataclass(frozen=True)
class Workspace:
    """Paths inside the workspace of one studies folder.

    Raises :class:`InputError` for a folder that a link brings from elsewhere (:func:`~gliomics.files.check_inside`).
    """

    studies: Path

    @property
    def root(self) -> Path:
        """The workspace itself."""
        return check_inside(self.studies / WORKSPACE_FOLDER, self.studies)

    @property
    def app(self) -> Path:
        """The app's folder under plain MONAI Label, which writes into it."""
        return self.root / "app"

    @property
    def models(self) -> Path:
        """Model versions trained here: ``models/<name>/<version>/``."""
        return self._folder("models")

    @property
    def history(self) -> Path:
        """Every saved version of every label: ``history/<study id>/<tag>/``."""
        return self._folder("history")

    @property
    def reviews(self) -> Path:
        """What was said of labels: ``reviews/<tag>/<study id>.json``."""
        return self._folder("reviews")

    @property
    def image_info(self) -> Path:
        """What clients and strategies noted about a study: ``image_info/<study id>.json``."""
        return self._folder("image_info")

    @property
    def automatic(self) -> Path:
        """The last mask that each version of a model gave of a study: ``automatic/<study id>/<model>/``."""
        return self._folder("automatic")

    @property
    def training(self) -> Path:
        """The state of the last training of each model."""
        return self._folder("training")

    @property
    def scores(self) -> Path:
        """Active learning scores: ``scores/<model>-<version>/<study id>.json``."""
        return self._folder("scores")

    @property
    def features(self) -> Path:
        """Features that trainings of subtype models measured."""
        return self._folder("features")

    @property
    def archive(self) -> Path:
        """Which examinations of a DICOMweb archive are which studies, and what is to be sent to it."""
        return self._folder("archive")

    @property
    def leases(self) -> Path:
        """Which studies were handed out to whom."""
        return self.root / "leases.json"

    @property
    def tokens(self) -> Path:
        """Who has which role, where the server asks for tokens."""
        return check_inside(self.root / "tokens.json", self.studies)

    @property
    def removed(self) -> Path:
        """Images that were removed or replaced over REST."""
        return self._folder("removed")

    def removed_folder(self, study_id: str) -> Path:
        """A new folder for what is removed of a study."""
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        folder = self.removed / f"{study_id}-{stamp}"
        folder.mkdir(parents=True)
        return folder

    @property
    def sessions(self) -> Path:
        """Images uploaded for one session, until it expires."""
        return self._folder("sessions")

    @property
    def temporary(self) -> Path:
        """Uploads and results in transit; emptied when a server starts."""
        return self._folder("tmp")

    @property
    def logs(self) -> Path:
        """The server's log files."""
        return self._folder("logs")

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return check_inside(self.logs / "server.log", self.studies)

    @property
    def address(self) -> Path:
        """Where the server of this folder answers, while it does."""
        return check_inside(self.root / "address.txt", self.studies)

    def _folder(self, name: str) -> Path:
        return check_inside(self.root / name, self.studies)

    @property
    def _kept(self) -> tuple[Path, ...]:
        return (
            self.history,
            self.reviews,
            self.image_info,
            self.automatic,
            self.training,
            self.scores,
            self.features,
            self.removed,
            self.archive,
        )

    def _is_inside(self, folder: Path) -> bool:
        return is_folder(folder) and lies_inside(folder, self.studies)

    def create(self) -> None:
        """Make the folders; :class:`InputError` when the studies folder cannot be written."""
        try:
            for folder in (self.models, self.history, self.training, self.sessions, self.temporary, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{error.filename or self.root} cannot be written ({error.strerror}); the server keeps its models, "
                "logs and label history there: make the studies folder writable or copy the studies to one that is"
            ) from error

    def clear_leftovers(self) -> None:
        """Remove what a killed server left half written; only for the one server of this folder."""
        for entry in (self.address, *self.temporary.iterdir()):
            _remove(entry)
        for folder in filter(self._is_inside, (self.studies / LABELS_FOLDER, *self._kept)):
            for top, folders, files in os.walk(folder):
                for name in (*folders, *files):
                    if name.startswith(".tmp-"):
                        _remove(Path(top) / name)
        for folder in filter(self._is_inside, (self.studies, self.root, *self.models.iterdir())):
            for leftover in folder.glob(".tmp-*"):
                _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
