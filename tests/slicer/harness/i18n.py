"""Stand-in for ``slicer.i18n``: texts of scripted modules in the user's language.

Modelled on ``Base/Python/slicer/i18n.py`` of 3D Slicer 5.10 and 5.12. The translators are those of the application; a
test installs a real ``QTranslator`` for a language of its own.
"""

from __future__ import annotations

import inspect
import logging
import re
import sys
from pathlib import Path

_contexts: dict[str, str] = {}
"""By the file that the calling code was compiled from."""


def translate(context: str, text: str) -> str:
    """``text`` in the application's language, or as it is where no application runs."""
    application = getattr(sys.modules.get("slicer"), "app", None)
    return text if application is None else application.translate(context, text)


def getContext(sourceFile: str) -> str:
    """The context of a file's texts: its name, after that of its folder where that is a package."""
    path = Path(sourceFile)
    if not path.is_file():
        return path.name
    return f"{path.parent.name}.{path.stem}" if (path.parent / "__init__.py").is_file() else path.stem


def tr(text: str) -> str:
    """``text`` translated in the context of the caller's file.

    A translation with other placeholders than the text is refused, with a warning in the log.
    """
    caller = inspect.currentframe().f_back
    compiled = caller.f_code.co_filename
    if compiled not in _contexts:
        _contexts[compiled] = getContext(inspect.getsourcefile(caller) or inspect.getfile(caller))
    context = _contexts[compiled]
    translated = translate(context, text)
    if translated != text and _placeholders(translated) != _placeholders(text):
        logging.warning("translation of %r to %r in context %r has other placeholders", text, translated, context)
        return text
    return translated


def install() -> None:
    """Make this module ``slicer.i18n``, whether or not ``slicer-core`` is installed."""
    sys.modules["slicer.i18n"] = sys.modules[__name__]


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"(?<!\{)\{([^{}]+)\}(?!\})", text))
