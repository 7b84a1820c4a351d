"""MONAI Label's REST routes, with the same paths and answers, checked and off the event loop.

Every handler is a plain function: the framework runs it in a thread, so that ``/info/`` is
answered during inference and two inferences run side by side. What a handler need not
change it hands to MONAI Label's own function.
"""

from fastapi import APIRouter

from gliomics.monailabel.routes import application, datastore, inference, labels, learning, sessions

router = APIRouter()
for part in (application, inference, datastore, labels, sessions, learning):
    router.include_router(part.router)

__all__ = ["router"]
