"""Age, sex and BMI of a participant, and how they become the further slots of r: X = 6 numbers.

Sex is "female" or "male", age in years, BMI in kg/m2; None or absent where nobody knows, which is no number.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xrmri.data_manifests import covariates as manifest
from xrmri.errors import InputError
from xrmri.storage.documents import parse_json, read_json
from xrmri.storage.typed import UnfitError, is_number, shown

Covariates = Mapping[str, float | str | None]
"""age, sex, bmi -> value."""
COVARIATES = tuple(manifest())
"""The names, in the order that fixes code and storage."""
_SLOTS = 2
"""Numbers that each takes in r."""
SEXES = tuple(manifest()["sex"]["values"])
"""female, male: stored as 0 and 1."""
_LETTERS = {code: sex for sex, codes in manifest()["sex"]["values"].items() for code in codes if code.isalpha()}


def covariate_code(values: Covariates) -> np.ndarray:
    """What a model is told of a participant.

    Returns:
        (6,) float32: (age - centre) / scale, 1 where the age is known, female, male, the same of BMI as of age; all
        zeros over what is missing.
    """
    slots: list[float] = []
    for name, one in manifest().items():
        value = values.get(name)
        if name == "sex":
            slots += [value == sex for sex in SEXES]
        else:
            slots += [0, 0] if value is None else [(float(value) - one["centre"]) / one["scale"], 1]
    return np.array(slots, np.float32)


def covariate_slots(r: np.ndarray) -> np.ndarray:
    """What r (..., F) of a model that is told covariates says of them: (..., 6)."""
    return r[..., -_SLOTS * len(COVARIATES) :]


def without_some(r: np.ndarray, left_out: Sequence[bool]) -> np.ndarray:
    """The same r (F,) where some of age, sex and BMI, in their order, are not known."""
    shown = r.copy()
    covariate_slots(shown)[np.repeat(np.array(left_out, bool), _SLOTS)] = 0
    return shown


def is_plausible(name: str, value: float | str) -> bool:
    """Whether a participant can have this age in years, sex, or BMI in kg/m2."""
    if name == "sex":
        return value in SEXES
    low, high = manifest()[name]["plausible"]
    return not isinstance(value, str) and bool(low <= value <= high)


def stored_covariates(values: Covariates) -> np.ndarray:
    """A row of /covariates: (3,) float32; NaN where not known."""
    told = ((name, values.get(name)) for name in COVARIATES)
    return np.array(
        [np.nan if value is None else SEXES.index(str(value)) if name == "sex" else float(value)
         for name, value in told], np.float32
    )  # fmt: skip


def covariates_of(row: np.ndarray | None) -> dict[str, float | str | None]:
    """The covariates in a row of /covariates; all None where a dataset has no such array.

    Floats come back as the shortest number that is stored so: 31.2 and not 31.200000762939453.
    """
    if row is None:
        return dict.fromkeys(COVARIATES)
    told = {name: None if np.isnan(value) else float(str(value)) for name, value in zip(COVARIATES, row, strict=True)}
    return {name: SEXES[int(v)] if name == "sex" and v is not None else v for name, v in told.items()}


def is_covariate(name: str) -> bool:
    """Whether a name in a person's JSON or --set is no reading's, but that of age, sex or BMI."""
    return name.strip().lower() in COVARIATES


def read_covariates(file: Path) -> dict[str, float | str | None]:
    """Those in a person's JSON file of grades: {"kl": 2, "age": 63, "sex": "female", "bmi": null}.

    Raises:
        InputError: not a readable JSON object, or a value that nobody has.
    """
    called = f"--features {file}"
    return _checked(read_json(file, advice='write {"age": 63}', called=called).items(), called)


def parse_covariates(settings: Iterable[str]) -> dict[str, float | str | None]:
    """Those in --set options, such as ["age=63", "sex=female", "kl=2"].

    Raises:
        InputError: a value that nobody has.
    """
    return _checked(((name, _parsed(told)) for name, _, told in (one.partition("=") for one in settings)), "--set")


def _parsed(text: str) -> Any:
    """What stands behind a = as JSON would have it; a word needs no quotation marks."""
    try:
        return parse_json(text)
    except UnfitError:
        return text.strip()


def _checked(pairs: Iterable[tuple[str, Any]], where: str) -> dict[str, float | str | None]:
    """The covariates among some pairs; `where` begins the complaint."""
    told: dict[str, float | str | None] = {}
    for given, said in pairs:
        if not is_covariate(given):
            continue
        name = given.strip().lower()
        if name in told:
            raise InputError(f"{where} gives {name} twice: keep one")
        told[name] = None if said is None else _value(name, said)
        if said is not None and told[name] is None:
            low, high = manifest()[name].get("plausible", (0, 0))
            valid = " or ".join(SEXES) if name == "sex" else f"a number of {manifest()[name]['unit']}, {low} to {high}"
            raise InputError(f"{where} gives {name} as {shown(said)}: write {valid}, or null (not known)")
    return told


def _value(name: str, said: Any) -> float | str | None:
    """A value as it is kept; None where nobody has it."""
    if name == "sex":
        return _LETTERS.get(said.strip().upper()) if isinstance(said, str) else None
    return float(said) if is_number(said, float) and is_plausible(name, said) else None
