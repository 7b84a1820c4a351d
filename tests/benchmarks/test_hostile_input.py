"""Every parameter of every command with every value that a command may choke on."""

from __future__ import annotations

import pytest

from tests.unit.cli.test_hostile_input import (
    Run,
    contents,
    parameter_id,
    parameters,
    paths,
    places,
    run,
    try_value,
    values_for,
)

__all__ = ["contents", "paths", "places", "run"]


@pytest.mark.parametrize("number", range(len(parameters())), ids=parameter_id)
def test_no_value_of_any_parameter_ends_in_a_traceback(
    number: int, places: dict[str, str], paths: dict[str, str], contents: dict[str, str], run: Run
) -> None:
    name, parameter = parameters()[number]
    for value in values_for(name, parameter, paths, contents):
        try_value(name, parameter, value, places, run)
