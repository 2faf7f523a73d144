"""Another slice window, field of view or plane: each walks the whole chain and ends where it was acquired.

Every voxel of these knees is as bright as its place says, so that a slice in the wrong place or the wrong way round is
seen in its values.
"""

import json

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest

from tests.conftest import TINY
from tests.stages.test_build_dataset import BOXES, READINGS, ramp
from xrmri.data.knees import DetectedKnee, write_knees
from xrmri.data.radiograph import crop_knee, read_radiograph
from xrmri.data.store import open_dataset
from xrmri.facts.folders import read_dataset_facts, read_model_facts
from xrmri.geometry import PLANES, Geometry
from xrmri.phantom.anatomy import draw_participant
from xrmri.phantom.film import Film
from xrmri.phantom.flash import MrSeries
from xrmri.phantom.release import contents_table, place, write_series
from xrmri.phantom.tables import readings_table
from xrmri.records import KneeBox
from xrmri.storage.files import sha256

_DRAWN = [draw_participant(0, index) for index in range(60)]
PEOPLE = [person for side, count in (("right", 4), ("left", 2))
          for person in [one for one in _DRAWN if one.imaged_side == side][:count]]  # fmt: skip
GRIDS = {
    "40 slices, 0.36 mm": ("coronal", (80, 64, 64), (1.5, 0.36, 0.36), {"last_slice": 53}, (58.5, 23.04, 23.04)),
    "sagittal": ("sagittal", (36, 64, 56), (3, 2.5, 2.5), {"slices": 36, "first_slice": 2, "last_slice": 32},
                 (87, 160, 160)),
    "axial, cut": ("axial", (30, 64, 64), (4, 2, 2), {"slices": 30, "first_slice": 0, "last_slice": 24,
                                                      "field_of_view_mm": 96.0}, (92, 96, 96)),
}  # fmt: skip


def brightness(place_mm, person=0):
    """What a knee shows at a place in RAS mm."""
    return 1500 + 10 * person + place_mm @ (4.0, 3.0, 2.0)


def lay_release(root, plane, shape, spacing_mm):
    """Six participants' series of a plane and a grid, their films and tables."""
    geometry = Geometry.centred(plane, shape, spacing_mm)
    steps, start = geometry.affine[:3, :3], geometry.affine[:3, 3]
    places = np.moveaxis(np.indices(shape), 0, -1) @ steps.T + start
    for number, person in enumerate(PEOPLE):
        voxels = np.rint(brightness(places, number)).astype(np.uint16)
        film = Film(pixels=ramp((80, 120)) + number, spacing_mm=0.5, joint_box=BOXES)
        write_series(root, person, film, MrSeries(voxels=voxels, affine_ras=geometry.affine))
    if plane != "coronal":  # which its description says
        for file in root.rglob("*"):
            if file.is_file() and "FLASH" in (header := pydicom.dcmread(file)).SeriesDescription:
                header.SeriesDescription = header.SeriesDescription.replace("COR_T1_3D_FLASH", f"{plane}_FLASH")
                header.save_as(file)
    (root / READINGS).write_text(readings_table((p, place(p).film.barcode) for p in PEOPLE), newline="")
    if plane == "coronal":
        (root / "00m" / "contents.csv").write_text(contents_table(PEOPLE))


def lay_knees(release, folder):
    """What detect-knee would find."""
    folder.mkdir()
    knees = []
    for person in PEOPLE:
        where = place(person)
        file = release / "00m" / where.folder(where.film) / "001"
        for side, corners in BOXES.items():
            crop, spacing = crop_knee(read_radiograph(file), corners, scale=1.3, pixels=299)
            box = KneeBox(side=side, score=0.9, corners=corners)
            name, digest = f"{person.participant}_{side}", sha256(file)
            knees.append(DetectedKnee(name=name, source=str(file), source_sha256=digest, box=box, crop=crop,
                                      spacing_mm=spacing))  # fmt: skip
    write_knees(folder, knees)


@pytest.mark.parametrize("grid", GRIDS)
def test_another_grid_walks_the_whole_chain_and_ends_where_it_was_acquired(grid, xrmri, tmp_path):
    plane, shape, spacing_mm, settings, extent_mm = GRIDS[grid]
    (tmp_path / "oai").mkdir()
    lay_release(tmp_path / "oai", plane, shape, spacing_mm)
    lay_knees(tmp_path / "oai", tmp_path / "knees")
    named = {"plane": plane, "series": "" if plane == "coronal" else f"^{plane}_FLASH"}
    lines = [f"{name} = {json.dumps(value)}" for name, value in (settings | named).items()]
    (tmp_path / "settings.toml").write_text("\n".join(["[build-dataset]", *lines]))
    dataset, vae, ldm, volumes, alone = (tmp_path / name for name in ("dataset", "vae", "ldm", "volumes", "alone"))
    for command in (
        ["build-dataset", tmp_path / "oai", "--knees", tmp_path / "knees", "--config", tmp_path / "settings.toml",
         "-o", dataset],
        ["train-vae", dataset, "--max-steps", 2, "-o", vae],
        ["train-ldm", dataset, vae, "--max-steps", 2, "-o", ldm],
        ["generate", dataset, "--model", ldm, "--split", "train", "-o", volumes],
        ["evaluate", volumes, dataset, "-o", tmp_path / "evaluation"],
        ["generate", next((tmp_path / "knees").glob("*.png")), "--side", "left", "--model", ldm, "-o",
         alone / "knee.nii.gz"],
    ):  # fmt: skip
        done = xrmri(*command, *TINY)
        assert done.code == 0, done.err

    facts, model = read_dataset_facts(dataset), read_model_facts(ldm)
    assert facts.extent_mm == model.extent_mm == pytest.approx(extent_mm, abs=1e-4)
    assert facts.plane == model.plane == plane and facts.slices == model.slices == round(
        extent_mm[0] / spacing_mm[0] + 1
    )
    data = open_dataset(dataset)
    assert len(data) == 6 and set(data.index["side"]) == {"left", "right"}
    numbers = {person.participant: number for number, person in enumerate(PEOPLE)}
    for pair_id in data.pairs("train"):
        left = data.index.at[pair_id, "side"] == "left"
        stored = data.geometry(pair_id)
        laid = stored.flipped(stored.across) if left else stored
        assert laid.orientation == PLANES[plane]
        for index in [(0, 31, 31), (facts.slices - 1, 32, 20), (5, 20, 40)]:
            seen = brightness(stored.at(index), numbers[data.index.at[pair_id, "participant"]])
            assert data.volume(pair_id)[index] == pytest.approx(seen, abs=1)
        drawn = nibabel.load(volumes / f"{pair_id}.nii.gz")
        wanted = laid.resampled((6, *stored.shape[1:]))
        found = Geometry(affine=drawn.affine[:, [2, 1, 0, 3]], shape=drawn.shape[::-1])
        assert found.shape == wanted.shape and found.orientation == PLANES[plane]
        assert found.spacing_mm == pytest.approx(wanted.spacing_mm, abs=1e-4)
        assert found.corners_mm == pytest.approx(wanted.corners_mm, abs=1e-3)
        assert found.extent_mm == pytest.approx(extent_mm, abs=1e-3)
    table = pd.read_csv(tmp_path / "evaluation" / "volumes.csv")
    assert len(table) == len(data.pairs("train")) and table["psnr"].notna().all()
    single = nibabel.load(alone / "knee.nii.gz")
    assert single.header.get_zooms() == pytest.approx(
        (extent_mm[2] / 64, extent_mm[1] / 64, extent_mm[0] / 5), abs=1e-4
    )
    assert "".join(nibabel.aff2axcodes(single.affine))[::-1] == PLANES[plane]
    told = json.loads((alone / "knee.json").read_bytes())
    assert told["spacing_mm"]["slice"] == pytest.approx(extent_mm[0] / 5)
