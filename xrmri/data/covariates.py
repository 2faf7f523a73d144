"""Age, sex and BMI of a participant, and how they become the further slots of r: X = 6 numbers.

Sex is "female" or "male", age in years, BMI in kg/m2; None or absent where nobody knows, which is no number.
"""

from collections.abc import Mapping

import numpy as np

from xrmri.data_manifests import covariates as manifest

Covariates = Mapping[str, float | str | None]
"""age, sex, bmi -> value."""
COVARIATES = tuple(manifest())
"""The names, in the order that fixes code and storage."""
SEXES = tuple(manifest()["sex"]["values"])
"""female, male: stored as 0 and 1."""


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
