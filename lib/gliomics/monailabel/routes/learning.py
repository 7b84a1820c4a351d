"""Routes that choose what to label next and that train on labels."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter
from monailabel.endpoints import train as stock

from gliomics.errors import InputError
from gliomics.monailabel.access import signed
from gliomics.monailabel.automatic import start_training
from gliomics.monailabel.datastore import StudyDatastore
from gliomics.monailabel.routes.common import JsonBody, the_app
from gliomics.monailabel.storage import check_room
from gliomics.monailabel.uploads import client_options

router = APIRouter()


@router.post("/activelearning/{strategy}", tags=["ActiveLearning"])
def next_sample(strategy: str, params: JsonBody = None) -> Any:
    """The study to label next with its score and the reason; ``id`` is null when nothing is left."""
    app = the_app()
    options = {key: item for key, item in signed(params or {}).items() if key != "strategy"}
    choice = app.choose_sample({**options, "strategy": strategy})
    if not choice.get("id"):
        return choice
    store = app.datastore()
    handed_out = {"ts": int(time.time()), "client_id": options.get("client_id")}
    if isinstance(store, StudyDatastore):
        store.note_strategy(choice["id"], strategy, handed_out)
    else:
        store.update_image_info(choice["id"], {"strategy": {strategy: handed_out}})
    return {**choice, **store.get_image_info(choice["id"])}


@router.get("/train/", tags=["Train"])
def train_status(all: bool = False, check_if_running: bool = False) -> Any:
    """The last training task (404 when there is none), with ``progress`` of its model."""
    status = stock.status(all, check_if_running)
    if isinstance(status, dict):
        model = str(status.get("request", {}).get("model"))
        status = {**status, "progress": the_app().trainer(model).stats()}
    return status


@router.post("/train/", tags=["Train"], include_in_schema=False)
def train_all(params: JsonBody = None, run_sync: bool = False) -> Any:
    """Train every model, one after the other; ``params`` holds options by model name, and maybe who asks."""
    app, given = the_app(), params or {}
    options = {name: _options_of(name, given[name]) for name in app.info()["trainers"] if name in given}
    for name, value in options.items():
        app.trainer(name).check(value)
    check_room(app.workspace.training)
    return stock.run(options, run_sync)


def _options_of(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"the options of {name} are {str(value)[:80]}; expected a JSON object")
    return client_options(value)


@router.post("/train/{model}", tags=["Train"])
def train(model: str, params: JsonBody = None, run_sync: bool = False, enqueue: bool = False) -> Any:
    """Fine-tune a model on the final labels, in the background."""
    options = client_options(params)
    the_app().trainer(model).check(options)
    check_room(the_app().workspace.training)
    return start_training(model, options, enqueue=enqueue, run_sync=run_sync)


@router.delete("/train/", tags=["Train"])
def stop_training() -> Any:
    """Stop the running training; the models stay as they are."""
    return stock.stop()
