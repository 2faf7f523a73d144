"""Cells that nobody can mean, and tables that are broken as a whole: one line each, and never another cohort."""

import os

import pytest

from tests.stages.own_cohort import knee, lay_cohort, write_image, write_joint, write_manifest
from tests.stages.test_own_cohort import built, rejected, root  # noqa: F401
from tests.test_cli import one_line


def test_a_cell_that_nobody_can_mean_is_told_by_its_line_and_stops_nobody(xrmri, root):  # noqa: F811
    rows = [row | {"pixel_mm": ""} for row in lay_cohort(root)]
    os.mkfifo(root / "films" / "pipe.png")
    (root / "films" / "circle.png").symlink_to("circle.png")
    odd = {
        "crop 0 0 inf inf": "crop: '0 0 inf inf' is neither joint nor x0 y0 x1 y1",
        "crop 1_0 10 2_00 200": "crop: '1_0 10 2_00 200' is neither",
        "crop 0 0 1e9 1e9": "radiograph rejected: crop: a box of 1000000000 pixels is no joint on a film of ",
        "crop 9 9 9.5 9.5": "radiograph rejected: crop: a box of 0 pixels is no joint on a film of ",
        "pixel_mm 0.1_5": "spacing: pixel_mm is '0.1_5', not a length in mm",
        f"mri {'long' * 99}.nii": "missing file: 'longlong",
        f"radiograph {'films/' * 999}x.png": "missing file: 'films/films/",
        "radiograph films/pipe.png": "radiograph rejected: ",
        "radiograph films/circle.png": "missing file: there is no radiograph",
        "radiograph mri/4.nii.gz": "radiograph: this file stands as an MRI too",
        "participant #N/A": "name: '#N/A_00m_right' cannot name a file",
        "mri #REF!": "missing file: there is no MRI",
        "split #N/A": "",
        "visit n/a": "",
        "pixel_mm 90": "",
    }
    good = rows[0] | {"split": ""}
    for line, cell in enumerate(odd, start=2 + len(rows)):
        name, _, value = cell.partition(" ")
        own = {"participant": f"Q{line}", "radiograph": f"films/{line}.png", "mri": f"mri/{line}.nii.gz"}
        write_joint(root / own["radiograph"], line)
        write_image(root / own["mri"], knee(line))
        rows.append(good | own | {name: value})
    data, said = built(xrmri, root, rows, "--max-rejected", 0.9)
    assert said.code == 0, said.err
    reasons = rejected(root)
    for line, reason in enumerate(odd.values(), start=2 + 6):
        found = reasons.get(f"cohort.csv line {line}") or reasons.get(f"mri/{line}.nii.gz", "")
        assert found.startswith(reason) and bool(found) == bool(reason), line
    assert len(data) == 6 + 3 and all("_00m_" in pair_id for pair_id in data.pairs())
    assert data.radiograph_mm(data.pairs()[-1]) is None  # of 90 mm a pixel: nobody's, so as if nothing were told


def test_a_cell_that_is_not_understood_is_named_and_no_other(xrmri, root):  # noqa: F811
    rows = [row | {"age": "61,5", "kl": "2,0"} for row in lay_cohort(root)]
    rows[3] |= {"age": "#DIV/0!", "bmi": "#N/A", "sex": "n/a"}
    write_manifest(root / "cohort.csv", rows, separator=";")
    said = xrmri("build-dataset", "--manifest", root / "cohort.csv", "-o", root.parent / "d", "--dry-run")
    assert said.code == 0 and "1 cells not understood count as not known, such as age '#DIV/0!'" in said.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("P1,", '"P1,', 1), "close its quotation marks"),
        (lambda text: text.replace("kl", "kl,V00XRKL", 1), "has two columns for V00XRKL, kl and v00xrkl: keep one"),
        (lambda text: ",".join(f"c{n}" for n in range(9999)), "c2, c3, c4"),
    ],
)
def test_a_table_of_which_a_part_would_be_lost_is_one_line(xrmri, root, change, said):  # noqa: F811
    rows = lay_cohort(root)
    table = root / "cohort.csv"
    write_manifest(table, rows)
    table.write_text(change(table.read_text(encoding="utf-8")))
    line = one_line(xrmri("build-dataset", "--manifest", table, "-o", root.parent / "d"))
    assert said in line and len(line) < 600
    assert not (root.parent / "d").exists()


@pytest.mark.parametrize("option", [["--knees"], ["--frame", "knee", "--template"]])
def test_a_folder_that_is_mistyped_leaves_nothing_that_is_in_the_way_of_the_right_one(chain, xrmri, tmp_path, option):
    out = tmp_path / "dataset"
    (tmp_path / "circle").symlink_to("circle")
    for wrong in ("nowhere", "circle"):
        one_line(xrmri("build-dataset", chain.oai, *option, tmp_path / wrong, "-o", out))
    assert not out.exists()


def test_an_empty_table_replaces_no_link(xrmri, tmp_path):
    (tmp_path / "cohort.csv").symlink_to("elsewhere")
    assert "exists" in one_line(xrmri("build-dataset", "--manifest-template", tmp_path / "cohort.csv"))
    assert (tmp_path / "cohort.csv").is_symlink() and not (tmp_path / "elsewhere").exists()
