"""Makes a PySide6 class behave as PythonQt presents the same Qt class.

PythonQt differs from PySide6 in three ways that a panel sees: a Qt property is an attribute (``label.text = "a"``), a
signal is connected by its C++ signature (``button.connect("clicked(bool)", slot)``), and a slot is called with no more
arguments than it takes. Attributes that do not exist cannot be set. Modelled on the PythonQt of 3D Slicer 5.12
(``commontk/PythonQt``), with ``name`` for ``objectName``, which is that fork's own.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Property, QMetaObject, QObject
from shiboken6 import isValid

# A property whose C++ getter is virtual would call itself for ever: Qt asks the Python subclass for it.
_VIRTUAL_GETTERS = {"sizeHint", "minimumSizeHint", "contentsMargins", "spacing"}
_VIRTUAL_GETTERS_OF = {"QProgressBar": {"text"}}

loadingUi = False
"""True while PySide's loader runs, which sets every child as an attribute of the root; PythonQt's does not."""

_getProperty = QObject.property
_setProperty = QObject.setProperty


def keepSingletons() -> None:
    """Make ``None``, ``True`` and ``False`` immortal, as Python 3.12 does.

    PySide6 6.12 takes that for granted: on Python 3.11 it gives references back that it never took, and after some ten
    thousand calls the interpreter would free ``None``.
    """
    if sys.version_info < (3, 12):
        for value in (None, True, False, NotImplemented):
            ctypes.c_ssize_t.from_address(id(value)).value += 1 << 40


class _Property:
    """One Q_PROPERTY as an attribute."""

    def __init__(self, name: str, writable: bool) -> None:
        self.name = name
        self.writable = writable

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else _getProperty(instance, self.name)

    def __set__(self, instance: Any, value: Any) -> None:
        if not self.writable:
            raise AttributeError(f"property '{self.name}' of {type(instance).__name__} is read-only")
        if not _setProperty(instance, self.name, value):
            raise TypeError(f"property '{self.name}' of {type(instance).__name__} does not take {value!r}")


def _callWithFewerArguments(slot: Callable[..., Any]) -> Callable[..., Any]:
    # PythonQt looks at the code of a decorated slot itself, not at what it wraps.
    parameters = list(inspect.signature(slot, follow_wrapped=False).parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return lambda *arguments: slot(*arguments)  # PySide cannot connect a method of a class made here
    count = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    return lambda *arguments: slot(*arguments[:count])


def signalNamed(instance: QObject, signature: str) -> Any:
    """The bound signal of a C++ signature such as ``clicked(bool)``; an unknown one raises, as does a deleted object.

    Stand-ins written in Python list their C++ signatures in a class attribute ``SIGNALS``.
    """
    if not isValid(instance):
        raise ValueError(f"a {type(instance).__name__} that Qt has deleted is asked for its signal '{signature}'")
    name = signature.split("(")[0]
    declared = getattr(type(instance), "SIGNALS", {})
    if signature in declared:
        return getattr(instance, declared[signature])
    index = instance.metaObject().indexOfSignal(QMetaObject.normalizedSignature(signature).data().decode())
    if index < 0 or name in declared.values():
        raise AttributeError(f"{type(instance).__name__} has no signal '{signature}'")
    signal = QObject.__getattribute__(instance, name)
    argument = signature[len(name) + 1 : -1]
    if argument not in ("int", "bool", "QString"):
        return signal
    return signal[argument] if _isOverloaded(type(instance), instance.metaObject(), name) else signal


_overloaded: dict[tuple[type, str], bool] = {}


def _isOverloaded(cls: type, methods: QMetaObject, name: str) -> bool:
    """Whether a class has several signals or slots of a name."""
    if (cls, name) not in _overloaded:
        signatures = [methods.method(i).methodSignature().data().decode() for i in range(methods.methodCount())]
        _overloaded[cls, name] = sum(signature.startswith(name + "(") for signature in signatures) > 1
    return _overloaded[cls, name]


def _connect(self: QObject, signature: str, slot: Callable[..., Any]) -> bool:
    if not callable(slot):
        raise TypeError(f"the slot of '{signature}' is not callable: {slot!r}")
    wrapper = _callWithFewerArguments(slot)
    signalNamed(self, signature).connect(wrapper)
    connections = self.__dict__.setdefault("_connections", [])
    connections.append((signature, slot, wrapper))
    return True


def _disconnect(self: QObject, signature: str, slot: Callable[..., Any]) -> bool:
    connections = self.__dict__.get("_connections", [])
    for connection in [c for c in connections if c[0] == signature and c[1] == slot]:
        signalNamed(self, signature).disconnect(connection[2])
        connections.remove(connection)
        return True
    raise AttributeError(f"'{signature}' of {type(self).__name__} is not connected to {slot!r}")


_descriptor = functools.cache(inspect.getattr_static)


def _strictSetattr(self: QObject, name: str, value: Any) -> None:
    if not hasattr(type(self), name):
        if loadingUi:
            return
        raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
    descriptor = _descriptor(type(self), name)
    if isinstance(descriptor, _Property):
        descriptor.__set__(self, value)
    elif isinstance(descriptor, Property):
        _setProperty(self, name, value)
    elif callable(descriptor):
        raise AttributeError(f"'{name}' of {type(self).__name__} is a method and cannot be assigned")
    else:
        self.__dict__[name] = value


def asPythonQt(cls: type) -> type:
    """Class decorator: gives a subclass of a PySide6 class the ways of PythonQt."""
    qtName = next(base.__name__ for base in cls.__mro__ if base.__module__.startswith("PySide6"))
    skipped = _VIRTUAL_GETTERS | _VIRTUAL_GETTERS_OF.get(qtName, set())
    metaObject = cls.staticMetaObject
    for index in range(metaObject.propertyCount()):
        meta = metaObject.property(index)
        if meta.name() not in skipped and meta.name() not in cls.__dict__:
            setattr(cls, meta.name(), _Property(meta.name(), meta.isWritable()))
    cls.name = _Property("objectName", True)
    cls.connect, cls.disconnect = _connect, _disconnect
    cls.className = lambda self: type(self).__name__
    cls.__setattr__ = _strictSetattr
    return cls
