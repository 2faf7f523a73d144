"""Tables that come with the program, read without any heavy library: the help names what they hold."""

import json
from functools import cache
from importlib import resources
from typing import Any


@cache
def manifest() -> tuple[dict[str, Any], ...]:
    """The radiographic readings, in the order that fixes the one-hot code: name, meaning, grades, sets."""
    text = resources.files(__name__).joinpath("radiographic_features.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)["features"])


def feature_sets() -> tuple[str, ...]:
    """The names of its sets, in order of appearance."""
    return tuple(dict.fromkeys(name for reading in manifest() for name in reading["sets"]))


@cache
def covariates() -> dict[str, dict[str, Any]]:
    """Age, sex and BMI by name, in the order that fixes their code: unit, plausible range, centre, scale, columns."""
    text = resources.files(__name__).joinpath("covariates.json").read_text(encoding="utf-8")
    return {one["name"]: one for one in json.loads(text)["covariates"]}


@cache
def reporting_checklists() -> tuple[dict[str, Any], ...]:
    """Checklists of reporting in their order: name, source, and items with number, asks, told (a template) and open."""
    text = resources.files(__name__).joinpath("reporting_checklists.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)["checklists"])
