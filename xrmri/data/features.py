"""Which radiographic readings the model is told, and how grades become the one-hot code r (paper, III-B).

Grades are raw readings: variable -> grade, None or absent where nobody read it. Features are their one-hot code;
a missing reading is all zeros, which is not grade 0.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from xrmri.data.covariates import is_covariate
from xrmri.data_manifests import feature_sets, manifest
from xrmri.errors import InputError
from xrmri.storage.documents import parse_json, read_json
from xrmri.storage.typed import UnfitError, shown

KL = "V00XRKL"
"""The variable of the Kellgren-Lawrence grade."""
_ALIASES = {"KL": "XRKL"}
_SHOWN = 60
"""Letters of a name in a complaint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureSet:
    """The readings of one set, in the order that fixes the one-hot code."""

    name: str
    names: tuple[str, ...]
    """OAI variables with their visit prefix, such as V00XRKL."""
    meanings: tuple[str, ...]
    grades: tuple[tuple[int, ...], ...]
    """The grades each variable can have; one slot each."""

    @property
    def slots(self) -> int:
        """F, the length of the one-hot code."""
        return sum(len(grades) for grades in self.grades)

    @property
    def sha256(self) -> str:
        """Hex digest of variables, grades and their order: equal digests read r in the same way."""
        return hashlib.sha256(json.dumps([self.names, self.grades]).encode()).hexdigest()

    def allowed(self, name: str) -> tuple[int, ...]:
        """The grades one variable can have."""
        return self.grades[self.names.index(name)]


@cache
def feature_set(name: str) -> FeatureSet:
    """A set of the manifest: "paper" (52 slots), "full" (65 slots), or one that was added."""
    sets = feature_sets()
    if name not in sets:
        raise InputError(f"there is no feature set {name!r}: it is {' or '.join(sorted(sets))}")
    return _of(name, [reading for reading in manifest() if name in reading["sets"]])


@cache
def known_readings() -> FeatureSet:
    """Every reading of the manifest, in its order, whatever sets it belongs to: what tables and datasets hold."""
    return _of("known", manifest())


def _of(name: str, readings: Sequence[Mapping[str, Any]]) -> FeatureSet:
    return FeatureSet(
        name=name,
        names=tuple(reading["name"] for reading in readings),
        meanings=tuple(reading["meaning"] for reading in readings),
        grades=tuple(tuple(reading["grades"]) for reading in readings),
    )


def one_hot(grades: Mapping[str, int | None], features: FeatureSet) -> np.ndarray:
    """The code r of one knee.

    Args:
        grades: variable -> grade; variables outside the set are not looked at.
        features: the set whose order the code follows.

    Returns:
        (F,) uint8 of 0 and 1; all zeros over the slots of a missing reading.
    """
    slots = [(name, grade) for name in features.names for grade in features.allowed(name)]
    return np.array([grades.get(name) == grade for name, grade in slots], dtype=np.uint8)


def slots_of(variables: Iterable[str], features: FeatureSet) -> list[int]:
    """The slots of the code r that some readings have.

    Raises:
        InputError: a name that the set does not hold.
    """
    wanted = {full_name(name): name for name in variables}
    for name, given in wanted.items():
        if name not in features.names:
            raise InputError(f"there is no reading {given!r} in this set: choose from {', '.join(features.names)}")
    slots = [name for name in features.names for _ in features.allowed(name)]
    return [slot for slot, name in enumerate(slots) if name in wanted]


def without_slots(r: np.ndarray, slots: Sequence[int]) -> np.ndarray:
    """A copy of codes (..., F) whose slots are zero where a model is never told them."""
    shown = r.copy()
    shown[..., list(slots)] = 0
    return shown


def read_grades(file: Path, features: FeatureSet) -> dict[str, int | None]:
    """The grades in a person's JSON file: {"V00XRKL": 2, "XROSFM": 1, "kl": null}; covariates are passed over.

    Raises:
        InputError: not a readable JSON object, an unknown variable, or a grade it cannot have.
    """
    called = f"--features {file}"
    content = read_json(file, advice=f"write {_example()}", called=called)
    return _checked(((name, told) for name, told in content.items() if not is_covariate(name)), features, called)


def parse_settings(settings: Iterable[str], features: FeatureSet) -> dict[str, int | None]:
    """The grades in --set options, such as ["V00XRATTL=2", "kl=null"]; covariates are passed over.

    Raises:
        InputError: not NAME=GRADE, an unknown variable, or a grade it cannot have.
    """
    pairs = []
    for setting in settings:
        name, equals, grade = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting[:_SHOWN]} is not NAME=GRADE: write --set V00XRKL=2")
        if is_covariate(name):
            continue
        try:
            pairs.append((name, parse_json(grade)))
        except UnfitError as error:
            raise InputError(f"--set {setting[:_SHOWN]}: a grade is a whole number, or null for not read") from error
    return _checked(pairs, features, "--set")


def reading(given: str, features: FeatureSet, where: str) -> str:
    """The full name of a variable; `where` begins the complaint about one that the set does not have."""
    return next(iter(_checked([(given, None)], features, where)))


def _checked(pairs: Iterable[tuple[str, Any]], features: FeatureSet, where: str) -> dict[str, int | None]:
    """Pairs as grades under their full names; `where` begins the complaint."""
    grades: dict[str, int | None] = {}
    for given, told in pairs:
        name = full_name(given)
        if name not in features.names:
            unknown = f"{where} names {given[:_SHOWN]!r}, which is unknown"
            raise InputError(f"{unknown}: choose from {', '.join(features.names)}")
        if name in grades:
            raise InputError(f"{where} gives {name} twice: keep one")
        allowed = features.allowed(name)
        grade = int(told) if isinstance(told, float) and told.is_integer() else told  # as pandas writes them
        whole = isinstance(grade, int) and not isinstance(grade, bool)
        if grade is not None and not (whole and grade in allowed):
            valid = ", ".join(map(str, allowed))
            raise InputError(f"{where} gives {name} the grade {shown(grade)}: choose {valid}, null (not read)")
        grades[name] = grade
    return grades


def full_name(given: str) -> str:
    """A variable as OAI writes it: "kl", "xrkl" and "v00xrkl" are V00XRKL."""
    name = given.strip().upper()
    name = _ALIASES.get(name, name)
    return name if name.startswith("V00") else f"V00{name}"


def _example() -> str:
    return '{"V00XRKL": 2}'
