"""A series whose header says two things about where it lies is refused with both; one that says one thing keeps it."""

import nibabel
import numpy as np
import pydicom
import pytest

from tests.stages.own_cohort import knee, lay_cohort, write_dicom, write_image
from tests.stages.test_own_cohort import built, lies, rejected, root  # noqa: F401
from xrmri.data.reference import read_reference
from xrmri.errors import InputError


def nifti(file, *, sform=None, sform_code=0, qform=None, qform_code=0, unit=2, pixdim=None, data=None):
    """The knee of person 0 with forms that are made of its own affine; the affine."""
    write_image(file, knee(0))
    whole = nibabel.load(file)
    voxels, affine = np.asarray(whole.dataobj), whole.affine
    image = nibabel.Nifti1Image(voxels if data is None else data(voxels), affine)
    image.set_sform(None if sform is None else sform(affine), sform_code)
    image.set_qform(None if qform is None else qform(affine), qform_code)
    image.header.set_xyzt_units(unit)
    if pixdim:
        image.header["pixdim"][1:4] = pixdim
    nibabel.save(image, file)
    return affine


def as_it_is(affine):
    return affine


def times(*factors):
    """Voxels so many times as large, or turned round, in each direction of the file."""
    return lambda affine: affine @ np.diag([*factors, 1.0])


def counted_in(mm):
    return lambda affine: np.diag([1 / mm] * 3 + [1.0]) @ affine


def moved(affine):
    return affine + np.array([[0, 0, 0, 3.0], *[[0.0] * 4] * 3])


def sheared(affine):
    turned = affine.copy()
    turned[:3, 2] += 0.3 * affine[:3, 0]
    return turned


BOTH = {"sform_code": 2, "qform_code": 1}
TRUE = {
    "metres": dict(sform=counted_in(1000), qform=counted_in(1000), unit=1, **BOTH),
    "micrometres": dict(sform=counted_in(0.001), qform=counted_in(0.001), unit=3, **BOTH),
    "no unit": dict(sform=as_it_is, qform=as_it_is, unit=0, **BOTH),
    "an sform alone": dict(sform=as_it_is, sform_code=1),
    "a qform alone": dict(qform=as_it_is, qform_code=1),
    "an sform to another image": dict(sform=moved, qform=as_it_is, **BOTH),
    "a qform to another image": dict(sform=as_it_is, qform=moved, sform_code=1, qform_code=2),
    "an sform to an atlas": dict(sform=times(1.2, 1.2, 1.2), qform=as_it_is, sform_code=4, qform_code=1),
    "one moment": dict(sform=as_it_is, qform=as_it_is, data=lambda voxels: voxels[..., None], **BOTH),
}
FALSE = {
    "two sizes": (
        dict(sform=as_it_is, qform=times(1.1, 1, 1), **BOTH),
        "has a qform of 2.2 x 2 x 3.8 mm and an sform of 2 x 2 x 3.8 in its header",
    ),
    "two directions": (
        dict(sform=times(-1, 1, 1), qform=as_it_is, **BOTH),
        "has a qform and an sform that run in other directions in its header",
    ),
    "sizes that nobody set": (
        dict(sform=as_it_is, sform_code=1, pixdim=(1, 1, 1)),
        "has voxels of 1 x 1 x 1 mm and an sform of 2 x 2 x 3.8 in its header",
    ),
    "a negative size": (
        dict(sform=as_it_is, qform=as_it_is, pixdim=(2, -2, 3.8), **BOTH),
        "has voxels of 2 x -2 x 3.8 in its header",
    ),
    "sheared": (dict(sform=sheared, sform_code=1), "cannot be read: its axes are not at right angles (sheared)"),
    "millimetres called metres": (dict(sform=as_it_is, sform_code=1, unit=1), "has voxels of 3800 mm"),
    "millimetres called micrometres": (dict(sform=as_it_is, sform_code=1, unit=3), "0.096 x 0.08 mm: is it in another"),
    "two moments": (
        dict(sform=as_it_is, sform_code=1, data=lambda voxels: np.stack([voxels, voxels], -1)),
        "holds 40 x 48 x 24 x 2 where one of three dimensions is needed",
    ),
}


def rows_of(root, names):  # noqa: F811
    """A row for each NIfTI, all of one side, and the row of the plain one first."""
    first, *_ = lay_cohort(root)
    first["side"] = "right"
    rows = [first]
    for number, name in enumerate(names):
        film = f"films/{number}-too.png"
        (root / film).write_bytes((root / first["radiograph"]).read_bytes())
        rows.append(first | {"participant": f"Q{number}", "radiograph": film, "mri": f"mri/{name}.nii.gz"})
    return rows


def test_a_nifti_that_says_one_thing_in_any_words_lies_where_it_says(xrmri, root):  # noqa: F811
    rows = rows_of(root, TRUE)
    for name, forms in TRUE.items():
        nifti(root / "mri" / f"{name}.nii.gz", **forms)
    data, said = built(xrmri, root, rows)
    assert said.code == 0, said.err
    plain = lies(data, "P0_00m_right").affine
    for number, name in enumerate(TRUE):
        assert lies(data, f"Q{number}_00m_right").affine == pytest.approx(plain, abs=1e-4), name
        assert np.array_equal(data.volume(f"Q{number}_00m_right"), data.volume("P0_00m_right")), name


def test_a_nifti_that_contradicts_itself_is_a_row_with_both_words(xrmri, root):  # noqa: F811
    rows = rows_of(root, FALSE)
    for name, (forms, _) in FALSE.items():
        nifti(root / "mri" / f"{name}.nii.gz", **forms)
    data, said = built(xrmri, root, rows, "--max-rejected", 0.9)
    assert said.code == 0 and data.pairs() == ["P0_00m_right"], said.err
    reasons = rejected(root)
    for line, (name, (_, told)) in enumerate(FALSE.items(), start=3):
        reason = reasons.get(f"cohort.csv line {line}") or reasons[f"mri/{name}.nii.gz"]
        assert told in reason, reason


def test_a_reference_that_contradicts_itself_is_refused(tmp_path):
    nifti(tmp_path / "a.nii.gz", **FALSE["two directions"][0])
    with pytest.raises(InputError, match="a.nii.gz has a qform and an sform that run in other directions in its head"):
        read_reference(tmp_path / "a.nii.gz")
    nifti(tmp_path / "a.nii.gz", **TRUE["metres"])
    assert read_reference(tmp_path / "a.nii.gz").geometry.spacing_mm == pytest.approx((3.8, 2, 2), abs=1e-4)


@pytest.mark.parametrize(("each_mm", "is_straight"), [(0.02, True), (0.7, False)])
def test_slices_that_are_shifted_against_each_other_are_no_straight_series(xrmri, root, each_mm, is_straight):  # noqa: F811
    first, *_ = lay_cohort(root)
    write_dicom(root / "mri" / "tilted", knee(0))
    for file in (root / "mri" / "tilted").iterdir():
        slice_ = pydicom.dcmread(file)
        x, y, z = map(float, slice_.ImagePositionPatient)
        place = int(str(slice_.SOPInstanceUID).rpartition(".")[-1])
        slice_.ImagePositionPatient = [x, y, f"{z + each_mm * place:.6f}"]
        slice_.save_as(file)
    other = root / "films" / "6.png"
    other.write_bytes((root / first["radiograph"]).read_bytes())
    rows = [first, first | {"participant": "Q", "radiograph": "films/6.png", "mri": "mri/tilted"}]
    data, said = built(xrmri, root, rows, "--max-rejected", 0.9)
    assert said.code == 0, said.err
    assert ("Q_00m_right" in data.pairs()) == is_straight
    if not is_straight:
        told = "sheared: slices are shifted within their plane, by up to 16.1 mm: resample them onto a straight grid"
        assert rejected(root)["mri/tilted"] == told
