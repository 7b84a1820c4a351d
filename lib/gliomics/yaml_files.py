"""Parameter files in YAML, read with the bounds that a file written by hand keeps to."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from gliomics.errors import InputError
from gliomics.files import open_file

MOST_BYTES = 1 << 18
MOST_LEVELS = 64
MOST_ITEMS = 100_000
"""No file of parameters is larger, nested deeper or holds more, aliases counted as what they stand for."""


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which no key stands twice in a section: YAML itself takes the last and drops the others."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for node_of_key, _ in node.value:
            if node_of_key.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(node_of_key, deep=True)
            if not isinstance(key, Hashable):
                continue  # refused below
            if key in keys:
                raise yaml.constructor.ConstructorError(problem=f"'{key}' stands there twice; keep one")
            keys.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The content of a YAML (or JSON) file; :class:`InputError` that names the file for one that is broken."""
    with open_file(path) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES // 1024} kB, which no file of parameters is")
    try:
        content = yaml.load(text, _UniqueKeys)
        _check_size(content)
    except RecursionError as error:
        raise InputError(f"{path} is not valid YAML: it is nested deeper than {MOST_LEVELS} levels") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
    except (AttributeError, LookupError, TypeError, OverflowError) as error:  # PyYAML's, e.g. of "!!timestamp never"
        raise InputError(f"{path} is not valid YAML: a value is not what its tag says ({error})") from error
    return content


def _check_size(content: Any) -> None:
    """Raise :class:`ValueError` for what is nested deeper, or holds more, than parameters do.

    What stands in several places, as YAML's aliases allow, counts each time, so that this ends for what holds itself.
    """
    level, count = [content], 0
    for _ in range(MOST_LEVELS):
        level = [part for part in level if isinstance(part, list | dict)]
        count += sum(map(len, level))
        if not level:
            return
        if count > MOST_ITEMS:
            raise ValueError(f"it holds more than {MOST_ITEMS} items")
        level = [item for part in level for item in (part.values() if isinstance(part, dict) else part)]
    raise ValueError(f"it is nested deeper than {MOST_LEVELS} levels")
