"""FLASH and film meet by participant, visit and side."""

from pathlib import Path

from xrmri.cohorts.description import FILM, FLASH
from xrmri.cohorts.pairing import pair_up
from xrmri.cohorts.readings import Reading
from xrmri.cohorts.release import Series


def series(kind, side, number="00000001", participant="9000001", visit="00m", date="20040101"):
    return Series(path=Path(visit, participant, date, number), visit=visit, participant=participant, date=date,
                  number=number, description="", kind=kind, side=side)  # fmt: skip


FILM_BOTH, SCAN = series(FILM, None), series(FLASH, "right", "10000001", date="20040301")


def reasons(rejected):
    return [one.reason.kind for one in rejected]


def test_a_scan_pairs_with_the_film_of_its_visit_though_the_dates_differ():
    (pair,), rejected = pair_up([FILM_BOTH, SCAN], {})
    assert pair.pair_id == "9000001_00m_right" and pair.film == FILM_BOTH and pair.grades == {} and not rejected


def test_a_scan_of_another_visit_or_person_finds_no_film():
    for other in (series(FLASH, "right", visit="12m"), series(FLASH, "right", participant="9000002")):
        pairs, rejected = pair_up([FILM_BOTH, other], {})
        assert not pairs and sorted(reasons(rejected)) == ["no radiograph", "radiograph not needed"]


def test_the_last_rescan_wins_and_the_earlier_is_rejected():
    again = series(FLASH, "right", "10000002", date="20040301")
    (pair,), rejected = pair_up([again, FILM_BOTH, SCAN], {})
    assert pair.flash == again and reasons(rejected) == ["rescanned"] and rejected[0].series == SCAN


def test_a_bilateral_film_comes_before_one_of_the_knee_and_that_before_none():
    single, wrong = series(FILM, "right", "00000002"), series(FILM, "left", "00000003")
    (pair,), rejected = pair_up([single, FILM_BOTH, SCAN], {})
    assert pair.film == FILM_BOTH and len(rejected) == 1
    assert pair_up([single, SCAN], {})[0][0].film == single
    assert not pair_up([wrong, SCAN], {})[0]


def test_a_replaced_knee_is_left_out_and_grades_go_with_their_side():
    left = series(FLASH, "left", "10000003")
    readings = {
        ("9000001", "00m", "right"): Reading(grades={"V00XRKL": None}, prosthesis=True),
        ("9000001", "00m", "left"): Reading(grades={"V00XRKL": 2}, prosthesis=False),
    }
    (pair,), rejected = pair_up([FILM_BOTH, SCAN, left], readings)
    assert pair.side == "left" and pair.grades == {"V00XRKL": 2} and reasons(rejected) == ["prosthesis"]
