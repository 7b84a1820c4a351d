"""The hidden folder ``<studies>/.gliomics`` that holds everything a server writes besides labels and images."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from gliomics.errors import InputError
from gliomics.study.labels import LABELS_FOLDER

WORKSPACE_FOLDER = ".gliomics"


@dataclass(frozen=True)
class Workspace:
    """Paths inside the workspace of one studies folder."""

    studies: Path

    @classmethod
    def of(cls, studies: str) -> Workspace:
        """That of a studies folder, or the home folder's where ``studies`` is the address of an archive."""
        return cls(Path.home() if is_url(studies) else Path(studies))

    @property
    def root(self) -> Path:
        """The workspace itself."""
        return self.studies / WORKSPACE_FOLDER

    @property
    def app(self) -> Path:
        """The app's folder under plain MONAI Label, which writes into it."""
        return self.root / "app"

    @property
    def models(self) -> Path:
        """Model versions trained here: ``models/<name>/<version>/``."""
        return self.root / "models"

    @property
    def history(self) -> Path:
        """Every saved version of every label: ``history/<study id>/<tag>/``."""
        return self.root / "history"

    @property
    def reviews(self) -> Path:
        """What was said of labels: ``reviews/<tag>/<study id>.json``."""
        return self.root / "reviews"

    @property
    def image_info(self) -> Path:
        """What clients and strategies noted about a study: ``image_info/<study id>.json``."""
        return self.root / "image_info"

    @property
    def automatic(self) -> Path:
        """The last mask that each version of a model gave of a study: ``automatic/<study id>/<model>/``."""
        return self.root / "automatic"

    @property
    def training(self) -> Path:
        """The state of the last training of each model."""
        return self.root / "training"

    @property
    def scores(self) -> Path:
        """Active learning scores: ``scores/<model>-<version>/<study id>.json``."""
        return self.root / "scores"

    @property
    def features(self) -> Path:
        """Features that trainings of subtype models measured."""
        return self.root / "features"

    @property
    def leases(self) -> Path:
        """Which studies were handed out to whom."""
        return self.root / "leases.json"

    @property
    def tokens(self) -> Path:
        """Who has which role, where the server asks for tokens."""
        return self.root / "tokens.json"

    @property
    def removed(self) -> Path:
        """Images that were removed or replaced over REST."""
        return self.root / "removed"

    def removed_folder(self, study_id: str) -> Path:
        """A new folder for what is removed of a study."""
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%f")
        folder = self.removed / f"{study_id}-{stamp}"
        folder.mkdir(parents=True)
        return folder

    @property
    def sessions(self) -> Path:
        """Images uploaded for one session, until it expires."""
        return self.root / "sessions"

    @property
    def temporary(self) -> Path:
        """Uploads and results in transit; emptied when a server starts."""
        return self.root / "tmp"

    @property
    def logs(self) -> Path:
        """The server's log files."""
        return self.root / "logs"

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self.logs / "server.log"

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
        )

    def create(self) -> None:
        """Make the folders; :class:`InputError` when the studies folder cannot be written."""
        try:
            for folder in (self.models, self.history, self.training, self.sessions, self.temporary, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.root} cannot be written ({error.strerror}); the server keeps its models, logs and label "
                "history there: make the studies folder writable or copy the studies to one that is"
            ) from error

    def clear_leftovers(self) -> None:
        """Remove what a killed server left half written; only for the one server of this folder."""
        for entry in self.temporary.iterdir():
            _remove(entry)
        for folder in (self.studies / LABELS_FOLDER, *self._kept):
            for top, folders, files in os.walk(folder):
                for name in (*folders, *files):
                    if name.startswith(".tmp-"):
                        _remove(Path(top) / name)
        for folder in (self.studies, self.root, *self.models.iterdir()):
            for leftover in folder.glob(".tmp-*"):
                _remove(leftover)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def is_url(studies: str) -> bool:
    """Whether it is the address of a DICOMweb archive instead of a folder."""
    return studies.startswith(("http://", "https://"))
