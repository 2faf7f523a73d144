"""The tables of a synthetic release: what radiologists read, who was enrolled, who weighs what; as OAI writes them.

Cells are separated by |, lines end in CRLF, numbers may carry their meaning ("2: 2"), and what nobody read has one of
several codes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from xrmri.phantom.anatomy import Participant, stream
from xrmri.phantom.disease import GRADE_LIMITS

_ALWAYS_READ = ("XRKL", "XRJSM", "XRJSL")
_NOT_READ = (".A: Not Expected", ".: Missing Form/Incomplete Workbook", "", ".")
_SIDES = {"right": "1: Right", "left": "2: Left"}


def readings_table(people: Iterable[tuple[Participant, str]]) -> str:
    """kxr_sq_bu00.txt.

    Args:
        people: each participant with the twelve digits of their film's barcode.

    Returns:
        one row a knee, or two where a second project has read it too. The truth stands in the row that counts:
        project 15, else 37, else 42.
    """
    columns = ("ID", "SIDE", "READPRJ", "VERSION", "V00BARCDBU", "V00XRKL",
               *(f"V00{name}" for name in GRADE_LIMITS if name != "XRKL"))  # fmt: skip
    return _table(columns, (row for person, barcode in people for row in _readings(person, barcode, columns)))


def enrollees_table(people: Iterable[Participant]) -> str:
    """Enrollees.txt."""
    sexes = {"male": "1: Male", "female": "2: Female"}
    rows = ((p.participant, "25", "0: No", "1: White or Caucasian", sexes[p.sex], "2: Incidence", "A") for p in people)
    return _table(("ID", "VERSION", "P02HISP", "P02RACE", "P02SEX", "V00COHORT", "V00SITE"), rows)


def clinical_table(people: Iterable[Participant]) -> str:
    """AllClinical00.txt."""
    rows = ((p.participant, "0.2.2", str(p.age_years), f"{p.bmi:.1f}") for p in people)
    return _table(("ID", "VERSION", "V00AGE", "P01BMI"), rows)


def as_read(person: Participant, side: str) -> dict[str, int]:
    """What counts as read of a knee, by V00 variable: the truth, and nothing of what nobody read."""
    grades = person.knee(side).grades
    read = _ALWAYS_READ if person.rarely_read_missing else grades
    return {f"V00{name}": int(grade) for name, grade in grades.items() if name in read}


def _readings(person: Participant, barcode: str, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of one participant's two knees."""
    for side, coded_side in _SIDES.items():
        generator = stream(f"readings {side}", person.seed, person.index)
        first = str(generator.choice(["15", "37", "42"], p=[0.88, 0.1, 0.02]))
        again = str(generator.choice(["37", "42"], p=[0.8, 0.2]))
        read_twice = first == "15" and generator.random() < 0.2
        truth = {name: int(grade) for name, grade in person.knee(side).grades.items()}
        rows = [(first, truth)]
        if read_twice:  # written first, so that whoever keeps the first of two rows keeps the wrong one
            rows.insert(0, (again, _reread(generator, truth)))
        for project, grades in rows:
            missing = _NOT_READ[int(generator.integers(len(_NOT_READ)))]
            read = set(_ALWAYS_READ if person.rarely_read_missing else grades)
            cells = {f"V00{name}": _cell(name, grade) if name in read else missing for name, grade in grades.items()}
            cells |= {"ID": person.participant, "SIDE": coded_side, "READPRJ": project, "VERSION": "0.6",
                      "V00BARCDBU": barcode}  # fmt: skip
            yield [cells[column] for column in columns]


def _reread(generator: np.random.Generator, truth: Mapping[str, int]) -> dict[str, int]:
    """What a second reader said: now and then one grade off."""
    grades = dict(truth)
    for name, highest in GRADE_LIMITS.items():
        if generator.random() < 0.04:
            grades[name] = min(grades[name] + 1, highest)
    return grades


def _cell(name: str, grade: int) -> str:
    """A grade as its column writes it."""
    if GRADE_LIMITS[name] == 1:
        return ("0: No", "1: Yes")[grade]
    return f"{grade}: {grade}" if name == "XRKL" else str(grade)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"{'|'.join(row)}\r\n" for row in (columns, *rows))
