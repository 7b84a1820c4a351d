"""Work done by the workers of an existing Dask cluster, where the address of its scheduler is given, and else here.

Dask comes with the extra ``cluster``. Workers need the same installation, and functions and values that travel are
pickled.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future
from typing import Protocol, TypeVar

from gliomics.errors import DependencyError, InputError
from gliomics.version import __version__

_AHEAD = 2
"""Items under way per thread of the cluster: enough that none waits, few enough that not all are in memory."""
_CONNECTING = 10
"""Seconds in which a Dask scheduler must answer."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_over(
    function: Callable[..., Result], items: Iterable[Item], scheduler: str | None = None, *, shared: object = None
) -> Generator[Result, None, None]:
    """The function of each item, in their order: here, or on the workers of the cluster at ``scheduler``.

    What all items need besides is ``shared``, the function's second argument, which each worker is sent once. Errors of
    the function are raised where its result would be. Raises :class:`InputError` where no scheduler answers, it has no
    workers, or these have another version of Gliomics; :class:`DependencyError` without Dask.

    >>> [*map_over(abs, [-1, 2])]
    [1, 2]
    >>> [*map_over(pow, [1, 2], shared=3)]
    [1, 8]
    """
    if scheduler is None:
        for item in items:
            yield function(item) if shared is None else function(item, shared)
        return
    with _client(scheduler) as (cluster, slots):
        executor, more = cluster.get_executor(pure=False), () if shared is None else (cluster.scatter(shared),)
        running = deque[Future[Result]]()
        try:
            for item in items:
                running.append(executor.submit(_there, __version__, function, item, *more))
                if len(running) >= slots * _AHEAD:
                    yield _result(running.popleft(), scheduler)
            while running:
                yield _result(running.popleft(), scheduler)
        finally:
            for future in running:
                future.cancel()


def _there(expected: str, function: Callable[..., Result], *arguments: object) -> Result:
    if __version__ != expected:
        raise InputError(
            f"a Dask worker has Gliomics {__version__}, this computer {expected}; install the same on both"
        )
    return function(*arguments)


def _result(future: Future[Result], address: str) -> Result:
    try:
        return future.result()
    except CancelledError:
        raise
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # Dask's, which need not be installed
            raise
        raise InputError(
            f"workers of the Dask cluster at {address} died of the work, perhaps for want of memory; give each more"
        ) from error


class _Cluster(contextlib.AbstractContextManager["_Cluster"], Protocol):
    """What is used of Dask's client, which has no types: threads by worker, and an executor on them."""

    def nthreads(self) -> Mapping[str, int]: ...

    def get_executor(self, *, pure: bool) -> Executor: ...

    def scatter(self, data: object) -> object: ...


@contextlib.contextmanager
def connected(address: str) -> Iterator[tuple[Executor, int]]:
    """An executor on the workers of the cluster at an address, and how many threads they have."""
    with _client(address) as (cluster, slots):
        yield cluster.get_executor(pure=False), slots


@contextlib.contextmanager
def _client(address: str) -> Iterator[tuple[_Cluster, int]]:
    try:
        from distributed import Client
        from distributed.comm.addressing import parse_address, parse_host_port
    except ImportError as error:
        raise DependencyError('--scheduler needs Dask; install it: pip install ".[cluster]"') from error
    if not address:
        raise InputError("the address of the Dask scheduler is empty; give e.g. tcp://host:8786")
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a lost connection is an error of ours
    try:
        # Dask itself would try again until the time is up, and leave threads behind.
        scheme, place = parse_address(address)
        if scheme in ("tcp", "tls"):
            socket.create_connection(parse_host_port(place), timeout=_CONNECTING).close()
        connect: Callable[..., _Cluster] = Client
        cluster = connect(address, timeout=_CONNECTING)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"no Dask scheduler answers at {address}: {why}") from error
    with cluster:
        slots = sum(cluster.nthreads().values())
        if not slots:
            raise InputError(
                f"the Dask scheduler at {address} has no workers; start some with: "
                f"dask worker {address} --nworkers auto --nthreads 1"
            )
        try:
            yield cluster, slots
        except CancelledError as error:
            raise InputError(
                f"the Dask scheduler at {address} ended or dropped the work; run the command again when it is back"
            ) from error
