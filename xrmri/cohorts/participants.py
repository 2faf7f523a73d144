"""Who took part: age, sex and BMI out of OAI's tables Enrollees.txt and AllClinicalNN.txt, or NDA's forms.

All of them are optional; a cell that is empty, holds a code for missing, or a value that nobody has, tells nothing.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xrmri.cohorts.codes import MISSING, NUMBER, VISIT, code_of
from xrmri.cohorts.release import visit_of
from xrmri.cohorts.sheets import OAI_PARTICIPANT
from xrmri.data.covariates import COVARIATES, is_plausible
from xrmri.data_manifests import covariates as manifest
from xrmri.formats.text_table import open_table

log = logging.getLogger(__name__)

_BASELINE = "00m"
_CLINICAL = re.compile(r"allclinical(\d\d)", re.IGNORECASE)
_ROUNDED = 1.0
"""By which an age in years may differ from one in months, or a BMI from another of the same day (choice)."""
_NAMES = {code: sex for sex, codes in manifest()["sex"]["values"].items() for code in codes}


@dataclass(frozen=True, kw_only=True, slots=True)
class People:
    """What is known of the participants of a release."""

    ages: Mapping[tuple[str, str], float]
    """Participant and visit -> years."""
    others: Mapping[tuple[str, str], float | str]
    """Participant and "sex" or "bmi", which count for every visit -> its value."""

    def of(self, participant: str, visit: str) -> dict[str, float | str | None]:
        """Age at a visit, or at the first where the visit's is not known, sex and BMI."""
        age = self.ages.get((participant, visit), self.ages.get((participant, _BASELINE)))
        return {"age": age} | {name: self.others.get((participant, name)) for name in COVARIATES if name != "age"}


def read_people(files: Iterable[Path]) -> People:
    """All that some tables tell; the first value counts where several tell the same, or contradict it, which is told.

    Raises:
        InputError: a table cannot be read.
    """
    ages: dict[tuple[str, str], float] = {}
    others: dict[tuple[str, str], float | str] = {}
    said: dict[tuple[str, str, str], float | str] = {}
    files, odd, contradicted = tuple(files), Counter[str](), Counter[str]()
    if not files:
        log.info("no table Enrollees.txt or AllClinical00.txt: age, sex and BMI of every participant are not known")
    for file in files:
        passed = 0
        for participant, visit, cells in _rows(file):
            if participant is None:
                passed += 1
                continue
            for name, cell in cells.items():
                value = covariate_of(name, cell)
                if value is None:
                    odd[f"{name} {cell!r} in {file.name}"] += not MISSING.fullmatch(code_of(cell))
                    continue
                told = "age" if name == "months" else name
                first = said.setdefault((participant, "" if name == "sex" else visit, told), value)
                contradicted[f"{told} of {participant} is {first} and {value}"] += _are_apart(first, value)
                if told == "age":
                    ages.setdefault((participant, visit), float(value))
                else:
                    others.setdefault((participant, name), value)
        if passed:
            log.warning("%s: %d rows passed over: they name no participant of OAI", file, passed)
    if count := odd.total():
        example = odd.most_common(1)[0][0]
        log.warning("%d ages, sexes or BMIs that no participant has count as not known, such as %s", count, example)
    if count := contradicted.total():
        example = contradicted.most_common(1)[0][0]
        log.warning("%d ages, sexes or BMIs contradict an earlier row, which counts, such as %s", count, example)
    return People(ages=ages, others=others)


def _are_apart(one: float | str, other: float | str) -> bool:
    """Whether two sexes, or two numbers of one visit, cannot both be."""
    if isinstance(one, str) or isinstance(other, str):
        return one != other
    return abs(one - other) > _ROUNDED


def _rows(file: Path) -> Iterator[tuple[str | None, str, dict[str, str]]]:
    """Participant, visit, and the cells about age, age in months, sex and BMI of each row."""
    match = _CLINICAL.match(file.name)
    number = match[1] if match else ""
    columns = {name: [column.lower() for column in one["columns"]] for name, one in manifest().items()}
    columns["months"] = [column.lower() for column in manifest()["age"]["columns_in_months"]]
    if number:
        columns["age"][0] = f"v{number}age"
    wanted = ("id", "src_subject_id", "visit", *(column for several in columns.values() for column in several))
    with open_table(file) as table:
        for place, row in enumerate(table.rows(wanted)):
            participant = row["id"] or row["src_subject_id"]
            known = OAI_PARTICIPANT.fullmatch(participant)
            if place == 0 and not known and "src_subject_id" in table.columns:
                continue  # NDA's second line says in words what the columns are
            visit = VISIT.fullmatch(number or row["visit"].upper())
            cells = {name: next(filter(None, map(row.get, several)), "") for name, several in columns.items()}
            yield participant if known else None, visit_of(visit[1]) if visit else _BASELINE, cells


def covariate_of(name: str, cell: str) -> float | str | None:
    """What a cell says; None where it says nothing that a person can have."""
    code = code_of(cell)
    if name == "sex":
        return _NAMES.get(code)
    if not NUMBER.fullmatch(code):
        return None
    value = float(code) / 12 if name == "months" else float(code)
    return value if is_plausible("age" if name == "months" else name, value) else None
