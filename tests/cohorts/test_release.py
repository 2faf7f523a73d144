"""Series are found at any depth by the shape of their path, and described by sheet or header."""

import pytest

from xrmri.cohorts.description import FILM, FLASH, OTHER, UNDESCRIBED, kind_of
from xrmri.cohorts.release import find_release
from xrmri.errors import InputError
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.dicom_series import film_file, save
from xrmri.phantom.film import Film
from xrmri.phantom.release import contents_table, place

PERSON = draw_participant(0, 0)
PLACE = place(PERSON)


def lay_film(visit_folder):
    """One film with a real header, and beside it what does not belong there."""
    import numpy as np

    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    folder = visit_folder / PLACE.folder(PLACE.film)
    (folder / "efs").mkdir(parents=True)
    save(film_file(Film(pixels=pixels, spacing_mm=0.2, joint_box={}), PLACE.film), folder / "001")
    (folder / ".DS_Store").write_bytes(b"x")
    return folder


@pytest.mark.parametrize("above", ["00m", "results/00m", "OAIBaselineImages/results", "48m/48m/48m", "."])
def test_a_series_is_found_at_any_depth_by_its_header_alone(tmp_path, above):
    folder = lay_film(tmp_path / above)
    (series,) = find_release(tmp_path).series
    assert (series.path, series.kind, series.side) == (folder, FILM, None)
    assert (series.visit, series.participant, series.number) == ("00m", PERSON.participant, folder.name)
    assert [file.name for file in series.files()] == ["001"]


def test_contents_csv_tells_what_each_series_is_and_names_those_not_on_disk(tmp_path):
    lay_film(tmp_path / "00m")
    table = contents_table([PERSON]).replace("FLASH_RIGHT", "FLASH_RIGHT  ").replace("0.C.2/", "0.C.2//")
    (tmp_path / "00m" / "contents.csv").write_text(table)
    found = {one.kind: one for one in find_release(tmp_path).series}
    assert len(found) == 3 and found[FLASH].side == PERSON.imaged_side
    assert found[FILM].files() and not found[FLASH].files() and not found[OTHER].files()


def test_reading_tables_are_found_in_any_case_and_rereads_for_reliability_are_not(tmp_path):
    lay_film(tmp_path)
    for name in ("kxr_sq_bu00.txt", "KXR_SQ_BU01.txt", "kxr_sq_rel_bu00.txt", "kxr_sq_bu00.txt.bak"):
        (tmp_path / name).write_text("")
    assert [file.name for file in find_release(tmp_path).readings] == ["KXR_SQ_BU01.txt", "kxr_sq_bu00.txt"]


@pytest.mark.parametrize(
    ("description", "kind", "side"),
    [
        ("Bilateral PA Fixed Flexion Knee", FILM, None),
        ("BILATERAL^PA FIXED  FLEXION KNEE ", FILM, None),
        ("PA Fixed Flexion Left Knee", FILM, "left"),
        ("COR_T1_3D_FLASH_RIGHT", FLASH, "right"),
        ("cor_t1_3d_flash_left", FLASH, "left"),
        ("COR_IW_TSE_LEFT", OTHER, None),
        ("Lateral Left Knee", OTHER, None),
        ("COR_T1_3D_FLASH_L", FLASH, "left"),
        ("COR_T1_3D_FLASH_RT", FLASH, "right"),
        ("PA Fixed Flexion R Knee", FILM, "right"),
        ("AP Pelvis", OTHER, None),
        ("OTHER", OTHER, None),
        ("  ", UNDESCRIBED, None),
    ],
)
def test_descriptions_are_understood_in_every_spelling(description, kind, side):
    assert kind_of(description) == (kind, side)


def test_a_folder_that_is_no_release_is_refused(tmp_path):
    for folder, said in ((tmp_path, "of OAI, no BIDS"), (tmp_path / "none", "is not a folder")):
        with pytest.raises(InputError, match=said):
            find_release(folder)
