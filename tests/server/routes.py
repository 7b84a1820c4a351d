"""All routes of the server, as they are in its application."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fastapi import params
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from gliomics.server.serve import ServerOptions, create_app


@dataclass(frozen=True)
class Route:
    """A method and a path with its placeholders, and whether it takes files."""

    method: str
    path: str
    takes_files: bool


def all_routes(studies: Path) -> list[Route]:
    """Every route that ``gliomics serve`` has, also those that its page does not show."""
    routes = []
    for context in iter_route_contexts(create_app(ServerOptions(studies)).routes):
        fields = _body_fields(context.dependant) if hasattr(context, "dependant") else []
        takes_files = any(isinstance(field.field_info, params.File) for field in fields)
        routes += [Route(method, context.path or "", takes_files) for method in sorted(context.methods or [])]
    return routes


def _body_fields(dependant: Dependant) -> list[ModelField]:
    """The fields of the body that a route takes, itself or through what it depends on."""
    return [*dependant.body_params, *(field for each in dependant.dependencies for field in _body_fields(each))]
