"""``gliomics serve``: the MONAI Label app behind routes that check what clients send and never block each other."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import logging.config
import os
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gliomics.bundled import bundled
from gliomics.client.hosts import LOOPBACK_HOST
from gliomics.errors import BusyError, DependencyError, GliomicsError, InputError
from gliomics.files import check_file, write_text
from gliomics.loading import without_garbage_collection
from gliomics.packages import SERVER
from gliomics.server.storage import removed_meanwhile, storage_error
from gliomics.server.workspace import Workspace
from gliomics.version import __version__

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.responses import JSONResponse, Response

    from gliomics.server.gate.connections import Connections

_TRANSIT = re.compile(r"\.gliomics/(tmp/upload-[^/ ]+|sessions/[^/ ]+)/")
"""The folders in which uploads lie while the server works on them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerOptions:
    """How to serve a studies folder."""

    studies: Path
    host: str = LOOPBACK_HOST
    port: int = 8000
    """0 takes any free port."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may use the server; none but its own unless given."""
    max_upload_mb: int = 1024
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    """Its private key; both or neither."""
    replay: Path | None = None
    """Studies with final labels, of the cohort that the models were first trained on, to train on beside new labels."""
    train_after: int = 0
    """Final labels, new or changed since the last training, that begin the next; 0 for never."""
    archive: str = ""
    """Address of the DICOMweb archive whose examinations are among the studies, and are kept in the folder."""


def serve(options: ServerOptions, ready: Callable[[str], None]) -> None:
    """Run the server until it is stopped; ``ready`` is called with its URL once it answers.

    Raises :class:`InputError` for a studies folder that is missing, not writable or
    served by another process, and for a host or port that cannot be used;
    :class:`DependencyError` when the server part is not installed.
    """
    if not options.studies.is_dir():
        raise InputError(f"{options.studies} is not a folder; give the folder that holds the studies")
    studies = options.studies.resolve()
    if options.replay is not None and not options.replay.is_dir():
        raise InputError(f"{options.replay} is not a folder; --replay needs a folder of studies with final labels")
    check_dependencies()
    _check_tls(options)
    _check_access(options)
    app_folder = bundled("apps/radiogenomics")
    listening = _listen(options.host, options.port)
    with listening:
        workspace = Workspace(studies)
        workspace.create()
        with _only_server_of(workspace):
            workspace.clear_leftovers()
            port = int(listening.getsockname()[1])
            _set_environment(workspace, app_folder, port)
            _set_conf(options)
            _set_up_logging(workspace)
            _run(options, listening, lambda: _announce(workspace, _url(options, port), ready))


def address_of(studies: Path) -> str:
    """Where a server of this folder answers now, ``http://127.0.0.1:8000``; empty where none does."""
    from filelock import FileLock, Timeout

    from gliomics.server.gate.web_pages import origin_of

    if not studies.is_dir():
        return ""
    workspace = Workspace(studies.resolve())
    lock = workspace.root / "server.lock"
    if not lock.is_file():
        return ""
    try:
        with FileLock(lock, timeout=0):
            return ""  # what a server that was killed has left
    except Timeout:
        return origin_of(_written_address(workspace)) or ""
    except OSError:
        return ""


def create_app(options: ServerOptions) -> FastAPI:
    """The ASGI application; the environment must name the app and the studies (:func:`serve` does that)."""
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware
    from monailabel.config import settings

    from gliomics.server.gate.access import Access, DeclaredRoles
    from gliomics.server.gate.tokens import Tokens
    from gliomics.server.gate.uploads import MAX_FIELD_BYTES, MAX_FIELDS, MAX_FILES, BodyLimit
    from gliomics.server.gate.web_pages import WebPages, named_origins
    from gliomics.server.routes import router

    if settings.MONAI_LABEL_AUTH_ENABLE:
        raise InputError(
            "MONAI_LABEL_AUTH_ENABLE is set, but MONAI Label 0.8.5 refuses valid tokens; unset it and give tokens "
            "with: gliomics tokens add NAME --role annotator --studies DIR"
        )
    app = FastAPI(
        title="Gliomics",
        version=__version__,
        openapi_url=None,  # a route of ours, as its pages are
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        form_limits={"max_fields": MAX_FIELDS, "max_files": MAX_FILES, "max_part_size": MAX_FIELD_BYTES},
    )
    app.include_router(router)
    roles = DeclaredRoles(app.routes)
    tokens = Tokens(Workspace(options.studies.resolve()).tokens)
    ask_for_tokens, origins = bool(tokens.holders()), named_origins(options.cors_origins)
    if ask_for_tokens:
        app.add_middleware(Access, tokens=tokens, roles=roles)
    app.add_middleware(BodyLimit, limit=options.max_upload_mb * 2**20)  # what is added later comes before
    app.add_middleware(WebPages, origins=origins, host=options.host, any_name=ask_for_tokens)
    if origins:
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
    answer_errors(app)
    return app


def answer_errors(app: FastAPI) -> None:
    """Answer errors of an application with their status and reason."""
    from fastapi.exceptions import RequestValidationError
    from monailabel.interfaces.exception import MONAILabelException
    from starlette.exceptions import HTTPException

    app.add_exception_handler(GliomicsError, _known_error)
    app.add_exception_handler(MONAILabelException, _known_error)
    app.add_exception_handler(OSError, _storage_error)
    app.add_exception_handler(HTTPException, _storage_error)
    app.add_exception_handler(RequestValidationError, _unusable_request)
    app.add_exception_handler(Exception, _unknown_error)


def check_dependencies() -> None:
    """Raise :class:`DependencyError` unless the server part is installed."""
    for module in SERVER:
        if importlib.util.find_spec(module) is None:
            raise DependencyError(
                f"the server needs '{module}', which is not installed; install the server part: "
                "see 'Installation' in README.md"
            )


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    from monailabel.interfaces.utils.app import app_instance

    from gliomics.server.tasks.background import stop_task

    instance = app_instance()
    instance.server_mode(True)
    instance.on_init_complete()
    yield
    stop_task("train")
    stop_task("batch_infer")


async def _known_error(request: Request, error: Exception) -> JSONResponse:
    from starlette.responses import JSONResponse

    status = error.status if isinstance(error, GliomicsError) else 400
    message = str(error) if isinstance(error, GliomicsError) else str(getattr(error, "msg", error))
    _log.info("%s %s refused (%d): %s", request.method, request.url.path, status, message)
    message = message.replace(os.environ["MONAI_LABEL_STUDIES"] + os.sep, "")  # clients know no paths of the server
    message = _TRANSIT.sub("", message)
    message = message.encode(errors="backslashreplace").decode()  # a name may hold what cannot be encoded
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, BusyError) else None
    return JSONResponse({"detail": message}, status_code=status, headers=headers)


async def _storage_error(request: Request, error: Exception) -> Response:
    """Answers where something cannot be written or has gone, also as the body is read (of which FastAPI makes 400)."""
    from fastapi.exception_handlers import http_exception_handler
    from starlette.exceptions import HTTPException

    failure = storage_error(error) or removed_meanwhile(error, Path(os.environ["MONAI_LABEL_STUDIES"]))
    if failure is not None:
        return await _known_error(request, failure)
    if isinstance(error, HTTPException):
        return await http_exception_handler(request, error)
    raise error


async def _unusable_request(request: Request, error: Exception) -> JSONResponse:
    """What is wrong with a request's parameters, in a sentence; FastAPI would repeat what was sent, as it was sent."""
    from fastapi.exceptions import RequestValidationError
    from starlette.responses import JSONResponse

    from gliomics.server.faults import faults_in_words

    faults = error.errors() if isinstance(error, RequestValidationError) else []
    errors = [fault.get("ctx", {}).get("error") for fault in faults]
    if errors and all(isinstance(each, GliomicsError) for each in errors):
        return await _known_error(request, errors[0])
    detail = faults_in_words(faults)
    detail = detail.encode(errors="backslashreplace").decode()
    return JSONResponse({"detail": f"the request cannot be used: {detail}"}, status_code=422)


async def _unknown_error(request: Request, error: Exception) -> JSONResponse:
    from starlette.responses import JSONResponse

    detail = f"the server failed on this request ({type(error).__name__}); its log, GET /logs/, says where"
    return JSONResponse({"detail": detail}, status_code=500)


def _announce(workspace: Workspace, url: str, ready: Callable[[str], None]) -> None:
    write_text(workspace.address, url)
    ready(url)


def _run(options: ServerOptions, listening: Connections, ready: Callable[[], None]) -> None:
    from gliomics.server.gate.connections import Server, connection_limit

    listening.limit = connection_limit()
    with without_garbage_collection():
        app = create_app(options)
    server = Server(
        app,
        listening,
        ready,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
        server_header=False,
        ssl_certfile=options.tls_certificate,
        ssl_keyfile=options.tls_key,
    )
    server.run(sockets=[listening])


def _listen(host: str, port: int) -> Connections:
    from gliomics.server.gate.connections import Connections

    where = f"port {port} on {host}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(f"{where} cannot be used: {error}; give the name or address of this machine") from error
    listening = Connections(family)
    # On Windows SO_REUSEADDR lets a second server listen on the port of one that runs.
    listening.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise InputError(f"{where} cannot be used: {error.strerror}; choose another with --port or --host") from error
    return listening


@contextlib.contextmanager
def _only_server_of(workspace: Workspace) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(workspace.root / "server.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{workspace.studies} is served by another process already{_address(workspace)}; stop it or use it"
        ) from error
    except OSError as error:
        raise InputError(
            f"{workspace.root} cannot be written ({error.strerror}); copy the studies to a folder that can be"
        ) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            workspace.address.unlink(missing_ok=True)
        lock.release()


def _address(workspace: Workspace) -> str:
    """Where the other server answers, as part of a sentence; nothing where it does not say so (yet)."""
    url = _written_address(workspace)
    return f", at {url}" if url else ""


def _written_address(workspace: Workspace) -> str:
    with contextlib.suppress(OSError, ValueError, GliomicsError):
        return check_file(workspace.address, most_bytes=1000).read_text(encoding="utf-8").strip()
    return ""


def _set_environment(workspace: Workspace, app_folder: Path, port: int) -> None:
    """MONAI Label's settings for this process and its children; those that a user may choose are kept."""
    library = str(Path(__file__).resolve().parents[2])
    paths = [library, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    os.environ["PYTHONSAFEPATH"] = "1"  # a child that trains finds no modules in the working folder
    os.environ["MONAI_LABEL_APP_DIR"] = str(app_folder)
    os.environ["MONAI_LABEL_STUDIES"] = str(workspace.studies)
    os.environ["MONAI_LABEL_SERVER_PORT"] = str(port)
    os.environ["MONAI_LABEL_SESSION_PATH"] = str(workspace.sessions)
    os.environ["MONAI_LABEL_TRACKING_ENABLED"] = "false"
    for name in ("TMPDIR", "TEMP", "TMP"):  # Windows has the last two
        os.environ[name] = str(workspace.temporary)
    tempfile.tempdir = str(workspace.temporary)


def _set_conf(options: ServerOptions) -> None:
    """What the app itself is told, here and in the processes that train."""
    conf = json.loads(os.environ.get("MONAI_LABEL_APP_CONF") or "{}")
    if options.replay is not None:
        conf["replay"] = str(options.replay.resolve())
    if options.train_after:
        conf["train_after"] = str(options.train_after)
    if options.archive:
        conf["archive"] = options.archive
    os.environ["MONAI_LABEL_APP_CONF"] = json.dumps(conf)


def _set_up_logging(workspace: Workspace) -> None:
    if os.path.lexists(workspace.log_file):
        check_file(workspace.log_file)  # a pipe would be waited for
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
            "handlers": {
                "file": {
                    "class": "logging.handlers.RotatingFileHandler",
                    "filename": str(workspace.log_file),
                    "maxBytes": 10_000_000,
                    "backupCount": 5,
                    "encoding": "utf-8",
                    "errors": "backslashreplace",
                    "formatter": "line",
                },
                "stderr": {"class": "logging.StreamHandler", "level": "ERROR", "formatter": "line"},
            },
            "root": {"level": "INFO", "handlers": ["file", "stderr"]},
        }
    )


def _url(options: ServerOptions, port: int) -> str:
    scheme = "https" if options.tls_certificate else "http"
    host = f"[{options.host}]" if ":" in options.host else options.host
    return f"{scheme}://{host}:{port}"


def _check_access(options: ServerOptions) -> None:
    from gliomics.server.gate.tokens import Tokens
    from gliomics.server.gate.web_pages import named_origins

    named_origins(options.cors_origins)
    Tokens(Workspace(options.studies.resolve()).tokens).holders()


def _check_tls(options: ServerOptions) -> None:
    import ssl

    if (options.tls_certificate is None) != (options.tls_key is None):
        raise InputError("TLS needs both files: --tls-certificate and --tls-key")
    if options.tls_certificate is None or options.tls_key is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(options.tls_certificate, options.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"{options.tls_certificate} and {options.tls_key} cannot be used as TLS certificate and key (PEM): {error}"
        ) from error
