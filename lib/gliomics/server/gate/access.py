"""Who may do what, where a server asks for tokens: each route says beside it which role it needs.

A route declares its role with :func:`needs`, which shows in the OpenAPI description. FastAPI looks at what a route
depends on only once it has read the whole body, with all files of a form. :class:`Access` therefore stands before the
routes: it looks up the route that a request goes to, and refuses by the role that this route declares, from the headers
alone. The route itself holds the request to its role once more.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Annotated, Any

from fastapi import Security, params
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from gliomics.errors import ForbiddenError, InputError
from gliomics.server.gate.refusal import refuse
from gliomics.server.gate.tokens import READER, ROLES, TRAINER, Holder, Tokens

OPEN = "open"
"""In place of a role: what describes the server and needs no token; its data is not among it."""

_RANKS = (OPEN, *ROLES)

_LOOKING = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing, wherever they go."""

_SIGNATURE = ("user", "client_id")
"""Where clients say who they are."""

_bearer = HTTPBearer(
    scheme_name="token",
    description="Needed only where tokens were given with ``gliomics tokens add``; each has a role.",
    auto_error=False,
)
_holder: ContextVar[Holder | None] = ContextVar("holder", default=None)
_log = logging.getLogger(__name__)


def needs(role: str) -> params.Security:
    """Declare beside a route, among its ``dependencies``, the lowest role that may use it, or :data:`OPEN`."""
    return params.Security(_check_role, scopes=[role])


async def _check_role(
    roles: SecurityScopes, _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
) -> None:
    for role in roles.scopes:
        require(role)


class DeclaredRoles:
    """The role that each route of an application declares.

    Raises :class:`ValueError` for a route that declares none, so that nobody is let in by one that was forgotten.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._roles = [(route, _declared_role(route)) for route in iter_route_contexts(routes)]

    def role_for(self, scope: Scope) -> str:
        """The role that a request needs; where it goes to no route, the trainer's if it might change something."""
        if "\n" in scope["path"]:  # a route is found also by its path and a line feed, for which it declares nothing
            return TRAINER
        role = next((role for route, role in self._roles if route.matches(scope)[0] is Match.FULL), None)
        return role or (READER if scope["method"] in _LOOKING else TRAINER)


def _declared_role(route: RouteContext) -> str:
    dependencies = getattr(route, "dependencies", [])
    roles = [role for item in dependencies if item.dependency is _check_role for role in item.scopes]
    if len(roles) != 1 or roles[0] not in _RANKS:
        raise ValueError(
            f"the route {', '.join(route.methods or ())} {route.path} declares {roles or 'no role'}; expected one of "
            f"{', '.join(_RANKS)}: write dependencies=[needs(...)] beside it"
        )
    return str(roles[0])


class Access:
    """Refuses requests without a token (401) or with one whose role is too low (403)."""

    def __init__(self, app: ASGIApp, tokens: Tokens, roles: DeclaredRoles) -> None:
        self._app, self._tokens, self._roles = app, tokens, roles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on in the name of the token's holder, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            holder = self._tokens.holder_of(_token_of(scope))
        except InputError as error:
            _log.error("nobody is let in: %s", error)
            detail = "the file of this server's tokens cannot be read, so that nobody is let in; its log says why"
            await refuse(scope, receive, send, 503, detail)
            return
        role = self._roles.role_for(scope)
        if holder is None and role != OPEN:
            detail = "this server needs a token; send the header 'Authorization: Bearer TOKEN'"
            await refuse(scope, receive, send, 401, detail, headers={"WWW-Authenticate": "Bearer"})
            return
        mark = _holder.set(holder)
        try:
            require(role)
        except ForbiddenError as error:
            await refuse(scope, receive, send, error.status, str(error))
        else:
            await self._app(scope, receive, send)
        finally:
            _holder.reset(mark)


def require(role: str) -> None:
    """Raise :class:`ForbiddenError` where the request's token has a lower role; without tokens all is allowed."""
    holder = _holder.get()
    if holder is not None and _RANKS.index(holder.role) < _RANKS.index(role):
        raise ForbiddenError(f"{holder.name} is {holder.role} here; this needs the role {role}")


def asking() -> dict[str, str]:
    """Who asks, as the holder of the request's token: ``name`` and ``role``; empty where no token is asked for."""
    holder = _holder.get()
    return {} if holder is None else {"name": holder.name, "role": holder.role}


def signed(info: dict[str, Any]) -> dict[str, Any]:
    """What a client sent, in the name of its token's holder where there is one."""
    holder = _holder.get()
    return info if holder is None else {**info, **dict.fromkeys(_SIGNATURE, holder.name)}


def without_signature(info: dict[str, Any]) -> dict[str, Any]:
    """Notes on what somebody has signed; where there are tokens, they cannot change by whom it was."""
    return info if _holder.get() is None else {key: item for key, item in info.items() if key not in _SIGNATURE}


def signature_of(request: dict[str, Any]) -> dict[str, Any]:
    """Who sent a request, as it is noted with what is kept of it."""
    return {key: request[key] for key in _SIGNATURE if request.get(key)}


def _token_of(scope: Scope) -> str:
    scheme, token = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))
    return token.strip() if scheme.lower() == "bearer" else ""
