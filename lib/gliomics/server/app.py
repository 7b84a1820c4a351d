"""The MONAI Label app: its datastore, infer tasks, trainers and strategies."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("MONAI_LABEL_TRACKING_ENABLED", "false")  # the default wants mlflow

from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask
from pydicom import Dataset

from gliomics.active.strategies import DEFAULT, MODEL_BASED, MODEL_FREE
from gliomics.answers.images import MeasuredStudies
from gliomics.answers.options import text_option
from gliomics.errors import GliomicsError, InputError, UnknownNameError
from gliomics.files import safe_name
from gliomics.interactive.refine import Refiner
from gliomics.models import ModelStore
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.choosing.scoring import ModelScoring, ScoreKeeper
from gliomics.server.choosing.strategies import PlainStrategy, ScoredStrategy, ServingModels, SubtypeStrategy
from gliomics.server.choosing.subtype_change import SubtypeScoring
from gliomics.server.dicomweb.address import ArchiveAddress
from gliomics.server.dicomweb.client import Archive
from gliomics.server.dicomweb.store import ArchiveDatastore
from gliomics.server.gate.access import signature_of
from gliomics.server.input_cache import PreparedStudies
from gliomics.server.lanes import Lanes, give_way
from gliomics.server.model_cache import DamagedModels, ModelCache
from gliomics.server.request_study import study_of_upload
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.store.kept_records import KeptRecords
from gliomics.server.store.labels import LabelVersion
from gliomics.server.store.leases import Lease, Leases
from gliomics.server.store.sessions import StudySessions
from gliomics.server.tasks.archive_report import report_of_label
from gliomics.server.tasks.automatic_training import TrainAfter, train_after_option
from gliomics.server.tasks.batch_infer import StudyBatch
from gliomics.server.tasks.exporting import write_archive
from gliomics.server.tasks.infer import STUDY_KEY, SegmentationTask
from gliomics.server.tasks.reading import RadiomicsTask, ReadingTask, SubtypeTask
from gliomics.server.tasks.refinement import RefinementTask
from gliomics.server.tasks.train_segmentation import SegmentationTraining
from gliomics.server.tasks.train_subtype import SubtypeTraining
from gliomics.server.tasks.training import Training
from gliomics.server.tasks.tumour_network import TumourNetworkTask, load_tumour_network
from gliomics.server.workspace import Workspace
from gliomics.study.records import UNNAMED_SEQUENCE, Study
from gliomics.version import __version__

SEGMENTATION_MODELS = ("segmentation_flair", "segmentation_multi", "segmentation_parts")
"""Models that the app always knows; one without weights is not offered."""

_log = logging.getLogger(__name__)


class GliomicsApp(MONAILabelApp):
    """Glioma segmentation, features, subtype, retraining and active learning over a studies folder."""

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str] | None) -> None:
        self.workspace = Workspace(Path(studies))
        self.workspace.create()
        settings.MONAI_LABEL_TRACKING_ENABLED = False
        settings.MONAI_LABEL_SESSION_PATH = settings.MONAI_LABEL_SESSION_PATH or str(self.workspace.sessions)
        self.store = ModelStore(self.workspace.models)
        self.lanes = Lanes()
        self._damaged_models = DamagedModels(self.store)
        self.segmenters = ModelCache(self.store, Segmenter)
        self.refiners = ModelCache(self.store, Refiner)
        self.tumour_networks = ModelCache(self.store, load_tumour_network)
        train_after = train_after_option(conf or {})
        self.replay = Path(conf["replay"]) if conf and conf.get("replay") else None
        self._archive_address = (conf or {}).get("archive", "")
        names = dict.fromkeys((*SEGMENTATION_MODELS, *self.store.names("segmentation")))
        self.segmentation_names, self.network_names = list(names), self.store.names("tumour_network")
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=conf or {},
            name="Gliomics",
            description="Glioma MRI: segmentation, radiomics and genomic subtype. For research use only.",
            version=__version__,
        )
        self.train_after: TrainAfter | None = None
        if isinstance(self._datastore, StudyDatastore):
            self.train_after = TrainAfter(train_after, self._datastore, self._trainers)

    def init_datastore(self) -> Datastore:
        """The studies folder, with the examinations of an archive if there is one."""
        if self._archive_address:
            return ArchiveDatastore(Path(self.studies), Archive(ArchiveAddress.parse(self._archive_address)))
        return StudyDatastore(Path(self.studies))

    def init_infers(self) -> dict[str, InferTask]:
        """Segmentation models, those that correct masks, tumour networks, ``radiomics`` and ``subtype``."""
        studies, measured, temporary = PreparedStudies(), MeasuredStudies(), self.workspace.temporary
        segmentation, refinement = self.segmentation_names, self.store.names("refinement")
        return {
            **{name: SegmentationTask(name, self.segmenters, studies, temporary) for name in segmentation},
            **{name: RefinementTask(name, self.refiners, studies, temporary, self._parts) for name in refinement},
            **{name: TumourNetworkTask(name, self.tumour_networks, measured, temporary) for name in self.network_names},
            "radiomics": RadiomicsTask(measured),
            "subtype": SubtypeTask(self.store, self.store.names("subtype"), measured),
        }

    def _parts(self) -> Segmenter | None:
        """The first model, by name, that tells the parts of a tumour apart and can be used."""
        usable = (self.segmenters.get(name) for name in sorted(self.segmentation_names) if self.segmenters.usable(name))
        return next((segmenter for segmenter in usable if segmenter.settings.inner), None)

    def init_trainers(self) -> dict[str, TrainTask]:
        """One trainer for each segmentation model that has weights to start from, and for each subtype model."""
        store = self._datastore
        if not isinstance(store, StudyDatastore):
            return {}
        networks = [name for name in self.segmentation_names if self.segmenters.usable(name)]
        return {
            **{name: SegmentationTraining(name, self.store, store, replay=self.replay) for name in networks},
            **{name: SubtypeTraining(name, self.store, store) for name in self.store.names("subtype")},
        }

    def init_strategies(self) -> dict[str, Strategy]:
        """``random``, ``first``, those that ask a segmentation model, and one that asks the subtype models, too.

        The default is named first, where clients with a list of strategies begin. The series of an archive are not
        scored: there, ``random`` and ``first`` are all.
        """
        store = self._datastore
        records = store.records if isinstance(store, StudyDatastore) else KeptRecords(self.workspace.studies)
        leases = self.leases = Leases(self.workspace.leases, records)
        if not isinstance(self._datastore, StudyDatastore):
            return {name: PlainStrategy(name, leases) for name in MODEL_FREE}
        usable = ServingModels(self.segmenters, self.segmentation_names)
        folder, turn = self.workspace.scores, self.lanes.inference.turn
        keeper = ScoreKeeper(ModelScoring(), self.segmenters, self._datastore, folder, turn)
        subtype = SubtypeScoring(self.store, self.store.names("subtype"))
        changes = ScoreKeeper(subtype, self.segmenters, self._datastore, folder / "subtype", turn)
        strategies: dict[str, Strategy] = {
            **{name: PlainStrategy(name, leases) for name in MODEL_FREE},
            **{name: ScoredStrategy(name, keeper, usable, leases) for name in MODEL_BASED},
            "subtype": SubtypeStrategy(changes, usable, leases),
        }
        return {DEFAULT: strategies[DEFAULT], **strategies}

    def init_batch_infer(self) -> Callable[..., dict[str, Any]]:
        """Batch inference that works without a GPU."""
        return StudyBatch()

    def info(self) -> dict[str, Any]:
        """As MONAI Label's, whose answer has no list that grows with the studies; those are with ``GET /train/``.

        ``broken_models`` says why the published version of a model cannot be used.
        """
        info: dict[str, Any] = super().info()
        stats = {name: trainer.summary() for name, trainer in self._trainers.items()}
        archive = {"archive": self._datastore.state()} if isinstance(self._datastore, ArchiveDatastore) else {}
        return {**info, "train_stats": stats, "broken_models": self._broken_models(), **archive}

    def on_init_complete(self) -> None:
        """Load the models while the first client connects; sessions are cleaned when one is made."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def on_save_label(self, image_id: str, label_id: str) -> dict[str, Any]:
        """Train once enough labels are new, if the server was told to; a save never fails because of it."""
        if self.train_after is not None:
            self.train_after.saved(image_id)
        return {}

    def told_of_sending(self, image_id: str) -> dict[str, str]:
        """What became of a final label that is to be sent to the archive, as ``archive``; nothing without one."""
        store = self._datastore
        told = store.told_of_sending(image_id) if isinstance(store, ArchiveDatastore) else ""
        return {"archive": told} if told else {}

    def _archive_report(self, study: Study, label: Path, version: LabelVersion, segmentation: Path) -> Dataset:
        """What the archive is told of a final label, measured when nothing else is to be computed."""
        with self.lanes.inference.turn("measuring for the archive"):
            measuring = next(task for task in self._infers.values() if isinstance(task, RadiomicsTask))
            tasks = measuring, self._reading_task()
            return report_of_label(tasks, study, label, version, segmentation)

    def _reading_task(self) -> ReadingTask:
        """What measures a segment, with estimates where there are models for them."""
        tasks = [task for task in self._infers.values() if isinstance(task, ReadingTask) and task.is_valid()]
        return max(tasks, key=lambda task: isinstance(task, SubtypeTask))

    def infer_task(self, name: str) -> InferTask:
        """The infer task with this name; :class:`UnknownNameError` when there is none that can be used."""
        task = self._infers.get(name)
        if task is None or not task.is_valid():
            usable = sorted(usable_name for usable_name, each in self._infers.items() if each.is_valid())
            raise UnknownNameError(f"there is no model '{name}' on this server; there are {', '.join(usable)}")
        return task

    def held(self) -> dict[str, Lease]:
        """The studies to label that are kept for somebody, in the order of their names."""
        leases = self.leases.current()
        unlabelled = set(self.datastore().get_unlabeled_images()) if leases else set()
        return {study: leases[study] for study in sorted(leases) if study in unlabelled}

    def trainer(self, name: str) -> Training:
        """The trainer of a model; :class:`UnknownNameError` when there is none."""
        if name not in self._trainers:
            trainable = ", ".join(sorted(self._trainers)) or "none"
            raise UnknownNameError(f"there is no model '{name}' to train; there are {trainable}")
        trainer: Training = self._trainers[name]
        return trainer

    def infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> dict[str, Any]:
        """Run one infer task on a study of the store, a session or an uploaded image."""
        datastore = datastore or self.datastore()
        name = str(request.get("model"))
        task = self.infer_task(name)
        study = self._study(request, datastore)
        self._check_upload(request.get("label"), "label")
        tag = safe_name(text_option(request, "label_tag") or "original", "label tag")
        saving = request.get("save_label") is True
        if saving and study.id != request.get("image"):
            raise InputError("save_label needs a study of the server's store; this image was only uploaded")
        with self._with_mask(task, study, request) as complete:
            file, answer = task({**complete, STUDY_KEY: study})
        if file and isinstance(datastore, StudyDatastore) and answer.get("result", "mask") == "mask":
            self._keep_automatic(datastore, request, answer, Path(file))
        label = file
        if file and saving:
            self._save(datastore, study, file, tag, {**signature_of(request), "model": name, "params": answer})
            label = study.id
        return {"label": label, "tag": tag, "file": file, "params": answer}

    def export(self, request: dict[str, Any], formats: Sequence[str]) -> Path:
        """A ZIP archive with the request's segment in each format; whoever asked removes it."""
        study = self._study(request, self.datastore())
        self._check_upload(request.get("label"), "label")
        task = self._reading_task()
        with self._with_mask(task, study, request) as complete:
            return write_archive(task, study, complete, formats, self.workspace.temporary)

    @contextmanager
    def _with_mask(self, task: InferTask, study: Study, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The request with the mask that the model named by the option ``segmentation`` makes now, where one is named.

        What measures a segment then measures the mask of that model, whose parts are known by their names.
        """
        name = text_option(request, "segmentation")
        if name is None or not isinstance(task, ReadingTask):
            yield request
            return
        if request.get("label"):
            raise InputError("a label was sent, and 'segmentation' names a model that shall make one; give one of both")
        model = self.infer_task(name)
        if not isinstance(model, SegmentationTask):
            raise InputError(f"'{name}' is no segmentation model; there are {', '.join(self.segmentation_names)}")
        options = {"resample_to": request.get("resample_to"), "result_extension": ".seg.nrrd", STUDY_KEY: study}
        file, _ = model(options)
        try:
            yield {**request, "label": file}
        finally:
            Path(file or "").unlink(missing_ok=True)

    def strategy(self, request: dict[str, Any]) -> Strategy:
        """The strategy that a request asks for; :class:`UnknownNameError` when there is none of that name."""
        name = str(request.get("strategy") or next(iter(self._strategies)))
        if name not in self._strategies:
            names = ", ".join(sorted(self._strategies))
            raise UnknownNameError(f"there is no strategy '{name}'; there are {names}")
        return self._strategies[name]

    def choose_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """A strategy's whole answer, ``id`` None with the reason when nothing is left to label."""
        choice: dict[str, Any] = self.strategy(request)(request, self.datastore()) or {}
        if choice.get("id"):
            choice["path"] = self.datastore().get_image_uri(choice["id"])
        return choice

    def train(self, request: dict[str, Any]) -> Any:
        """Train a model; a process of its own gives way to the server's."""
        self._give_way()
        return super().train(request)

    def batch_infer(self, request: dict[str, Any], datastore: Datastore | None = None) -> Any:
        """Segment many studies; a process of its own gives way to the server's."""
        self._give_way()
        return super().batch_infer(request, datastore)

    def _give_way(self) -> None:
        if not self._server_mode:
            give_way()

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """As MONAI Label's own route wants it: empty when nothing is left."""
        choice = self.choose_sample(request)
        return choice if choice.get("id") else {}

    def _broken_models(self) -> dict[str, str]:
        """By name, also those whose files are whole and no network."""
        reasons = self._damaged_models.reasons()
        caches: dict[str, ModelCache[Any]] = dict.fromkeys(self.segmentation_names, self.segmenters)
        caches |= dict.fromkeys(self.network_names, self.tumour_networks)
        for name in caches.keys() & set(self.store.all_names()) - reasons.keys():
            if (reason := caches[name].damage(name)) is not None:
                reasons[name] = reason
        return {name: reason.replace(f"{self.workspace.studies}{os.sep}", "") for name, reason in reasons.items()}

    def _study(self, request: dict[str, Any], datastore: Datastore) -> Study:
        image = str(request.get("image") or "")
        path = Path(image)
        if path.is_absolute():
            self._check_upload(image, "image")
            study = study_of_upload(path, safe_name(text_option(request, "study_id") or "uploaded", "study id"))
            return replace(study, patient_id=text_option(request, "patient_id") or study.patient_id)
        if isinstance(datastore, StudyDatastore):
            return datastore.study(image)
        file = Path(datastore.get_image_uri(image))
        sequence = datastore.get_image_info(image).get("sequence") or UNNAMED_SEQUENCE
        return Study(id=image, patient_id=image, folder=file.parent, sequences={sequence: file})

    def _check_upload(self, path: object, name: str) -> None:
        """Refuse a path that is not that of a file which the server itself received."""
        roots = (Path(tempfile.gettempdir()), self.workspace.temporary, Path(settings.MONAI_LABEL_SESSION_PATH))
        if path and not any(Path(str(path)).resolve().is_relative_to(root.resolve()) for root in roots):
            raise InputError(f"{name} {str(path)[:80]!r} is a path; send a file, or the id of a study")

    def _keep_automatic(
        self, datastore: StudyDatastore, request: dict[str, Any], answer: dict[str, Any], mask: Path
    ) -> None:
        """Remember a mask of a study of the store, to tell later which labels were made from it."""
        if answer["study_id"] != request.get("image") or "model" not in answer:
            return
        try:
            datastore.automatic.keep(answer["study_id"], answer["model"], answer["model_version"], mask)
        except (GliomicsError, OSError) as error:  # the answer is worth more than the note
            _log.warning("the mask of study '%s' is not remembered: %s", answer["study_id"], error)

    def _save(self, datastore: Datastore, study: Study, file: str, tag: str, info: dict[str, Any]) -> None:
        try:
            if isinstance(datastore, StudyDatastore):
                datastore.save_automatic_label(study.id, Path(file), tag, info)
            else:
                datastore.save_label(study.id, file, tag, info)
        except BaseException:
            Path(file).unlink(missing_ok=True)
            raise

    def _load_sessions(self, load: bool = False) -> StudySessions | None:
        if not load:
            return None
        return StudySessions(settings.MONAI_LABEL_SESSION_PATH, settings.MONAI_LABEL_SESSION_EXPIRY)

    def _warm_up(self) -> None:
        store = self._datastore if isinstance(self._datastore, StudyDatastore) else None
        if isinstance(store, ArchiveDatastore):
            store.report = self._archive_report
            store.start_sending()
        if store is not None:
            _log.info("%d studies", len(store.list_images()))
        for name in self.segmentation_names:
            if self.segmenters.usable(name):
                _log.info("model '%s' is ready", name)
        if store is not None:
            store.look_at_records()
            store.label_check.report()
