"""MONAI Label's REST routes, with the same paths and answers, checked and off the event loop.

A handler that is a plain function is short: the framework runs it in a thread of its pool. What computes, or waits,
goes through a lane (:mod:`gliomics.server.lanes`), so that the pool is never full of it. What a handler need not
change it hands to MONAI Label's own function.
"""

from fastapi import APIRouter

from gliomics.server.routes import application, archive, datastore, inference, labels, learning, sessions, viewer, web

router = APIRouter()
for part in (application, archive, inference, datastore, labels, sessions, learning, web, viewer):
    router.include_router(part.router)

__all__ = ["router"]
