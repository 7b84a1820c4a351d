"""Routes that choose what to label next and that train on labels."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request
from monailabel.endpoints import train as stock

from gliomics.answers.options import text_option
from gliomics.errors import InputError, UnknownNameError
from gliomics.server.choosing.strategies import StudyStrategy, budget_seconds
from gliomics.server.gate.access import needs, require, signed
from gliomics.server.gate.tokens import ANNOTATOR, READER, TRAINER
from gliomics.server.gate.uploads import client_options
from gliomics.server.lanes import Later
from gliomics.server.routes.common import ImageId, JsonBody, current_app, in_background
from gliomics.server.storage import check_room
from gliomics.server.store.datastore import StudyDatastore
from gliomics.server.tasks.automatic_training import running_training, start_training
from gliomics.server.tasks.background import stop_task, task_status
from gliomics.server.tasks.training import Training

router = APIRouter()


@router.post("/activelearning/{strategy}", tags=["ActiveLearning"], dependencies=[needs(ANNOTATOR)])
async def next_sample(request: Request, strategy: str, params: JsonBody = None) -> Any:
    """The study to label next with its score and the reason; ``id`` is null when nothing is left."""
    app, arrived = current_app(), time.monotonic()
    options = {**{key: item for key, item in signed(params or {}).items() if key != "strategy"}, "strategy": strategy}

    def ask() -> Any:
        asked = app.strategy(options)
        if not isinstance(asked, StudyStrategy):
            return choose()
        end = arrived + budget_seconds(options)
        return Later(asked.ask(options, app.datastore()), end, choose)

    def choose() -> Any:
        choice = app.choose_sample({**options, "budget_seconds": 0})
        return _noted(strategy, choice, options.get("client_id")) if choice.get("id") else choice

    return await app.lanes.strategies.run(request, ask, task=strategy)


@router.get("/activelearning/leases", tags=["ActiveLearning"], dependencies=[needs(READER)])
def leases() -> Any:
    """The studies to label that are kept for somebody: ``image``, ``user``, ``until`` and ``seconds`` left."""
    return [{"image": study, **lease.to_json()} for study, lease in current_app().held().items()]


@router.delete("/activelearning/leases/{image}", tags=["ActiveLearning"], dependencies=[needs(ANNOTATOR)])
def release(image: ImageId) -> Any:
    """Keep a study for nobody any more; one that is kept for somebody else needs the role ``trainer``."""
    lease = current_app().held().get(image)
    if lease is None:
        raise UnknownNameError(f"study '{image}' is kept for nobody")
    if signed({}).get("user") != lease.user:
        require(TRAINER)
    current_app().leases.release(image)
    return {"image": image, **lease.to_json()}


def _noted(strategy: str, choice: dict[str, Any], user: Any) -> dict[str, Any]:
    """The choice with what is known of its study, where it is noted when the study was chosen, and for whom."""
    store, handed_out = current_app().datastore(), {"ts": int(time.time()), "client_id": user}
    if isinstance(store, StudyDatastore):
        store.note_strategy(choice["id"], strategy, handed_out)
    else:
        store.update_image_info(choice["id"], {"strategy": {strategy: handed_out}})
    return {**choice, **store.get_image_info(choice["id"])}


@router.get("/train/", tags=["Train"], dependencies=[needs(READER)])
def train_status(all: bool = False, check_if_running: bool = False) -> Any:
    """The last training task (404 when there is none), with ``progress`` of its model."""
    status = task_status("train", every=all, running=check_if_running)
    if isinstance(status, dict):
        model = str(status.get("request", {}).get("model"))
        status = {**status, "progress": current_app().trainer(model).stats()}
    return status


@router.get("/train/{model}", tags=["Train"], dependencies=[needs(READER)])
def training_of(model: str) -> Any:
    """What there is to train a model on, its last training (``progress``), and the training that runs, of any model.

    ``running`` holds ``model``, ``user`` and ``seconds`` since it was asked for; null where none runs.
    """
    trainer = current_app().trainer(model)
    return {"model": model, "basis": trainer.basis(), "running": running_training(), "progress": trainer.stats()}


@router.post("/train/", tags=["Train"], include_in_schema=False, dependencies=[needs(TRAINER)])
async def train_all(request: Request, params: JsonBody = None, run_sync: bool = False) -> Any:
    """Train every model, one after the other; ``params`` holds options by model name, and maybe who asks."""
    app, options_by_model = current_app(), params or {}

    def work() -> Any:
        names = [name for name in app.info()["trainers"] if name in options_by_model]
        options = {name: _options_of(name, options_by_model[name]) for name in names}
        for name, value in options.items():
            app.trainer(name).check(value)
        check_room(app.workspace.training)
        return stock.run(options, run_sync)

    return await in_background(request, work, task="training of all models", run_sync=run_sync)


def _options_of(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"the options of {name} are {str(value)[:80]}; expected a JSON object")
    return client_options(value)


@router.post("/train/{model}", tags=["Train"], dependencies=[needs(TRAINER)])
async def train(
    request: Request, model: str, params: JsonBody = None, run_sync: bool = False, enqueue: bool = False
) -> Any:
    """Fine-tune a model on the final labels, in the background."""
    options = signed(client_options(params))

    def work() -> Any:
        current_app().trainer(model).check(options)
        check_room(current_app().workspace.training)
        return start_training(model, options, enqueue=enqueue, run_sync=run_sync)

    return await in_background(request, work, task=f"training of {model}", run_sync=run_sync)


@router.delete("/train/", tags=["Train"], dependencies=[needs(TRAINER)])
def stop_training(params: JsonBody = None) -> Any:
    """Stop the running training; the models stay as they are. ``client_id`` is noted as who stopped it."""
    by = text_option(signed(params or {}), "client_id")
    app = current_app()

    def trainer_of(task: dict[str, Any]) -> Training:
        return app.trainer(str(task["request"].get("model")))

    task = stop_task("train", lambda task: trainer_of(task).stopping(by))
    if task is not None:
        trainer_of(task).stopped(by)
    return task
