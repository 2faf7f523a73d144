"""What claims, or unpacks to, more than any knee has is refused by its header, in one line of ours."""

import zipfile

import pytest
import torch

from tests.faults.bombs import FILMS, GRIDS, nifti
from tests.faults.refusal import refusal
from xrmri.errors import InputError
from xrmri.models.weights import read_tensors
from xrmri.pretrained import BUNDLED_DETECTOR

KNEE = BUNDLED_DETECTOR.parent.parent / "samples" / "knee.png"


@pytest.mark.parametrize("kind", FILMS)
def test_a_film_that_claims_too_much_is_one_line(xrmri, tmp_path, kind):
    name, make, said = FILMS[kind]
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 10**6
    for command in (("generate", tmp_path / name), ("detect-knee", tmp_path / name, "-o", tmp_path / "knees")):
        ended = xrmri(*command, "--side", "right")
        assert ended.code == 2 and said in refusal(ended).replace("16384", "67,108,864"), ended.err


@pytest.mark.parametrize("kind", GRIDS)
def test_a_grid_that_claims_too_much_is_one_line(xrmri, tmp_path, kind):
    make, said = GRIDS[kind]
    make(tmp_path / "grid.nii.gz")
    ended = xrmri("generate", KNEE, "--like", tmp_path / "grid.nii.gz", "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2 and said in refusal(ended)


def test_an_honest_grid_is_taken(xrmri, tmp_path):
    nifti(tmp_path / "grid.nii.gz")
    ended = xrmri("generate", KNEE, "--like", tmp_path / "grid.nii.gz", "-o", tmp_path / "a.nii.gz", "--dry-run")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    "damage", [b"II*\x00" + bytes(4), b"II*\x00\xff\xff\xff\xff", b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_a_damaged_picture_is_one_line_of_ours_and_none_of_a_library(xrmri, tmp_path, damage):
    (tmp_path / "a.tif").write_bytes(damage)
    ended = xrmri("generate", tmp_path / "a.tif", "-o", tmp_path / "a.nii.gz")
    assert ended.code == 2 and str(tmp_path / "a.tif") in refusal(ended)


def test_a_checkpoint_that_is_packed_or_repeats_itself_is_refused(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1).expand(10**6, 10**6)}}, tmp_path / "wide.ckpt")
    with pytest.raises(InputError, match="a claims more numbers than the file holds"):
        read_tensors(tmp_path / "wide.ckpt", "--init")
    torch.save({"state_dict": {"a": torch.zeros(10**6)}}, tmp_path / "plain.ckpt")
    with zipfile.ZipFile(tmp_path / "plain.ckpt") as plain, zipfile.ZipFile(tmp_path / "p.ckpt", "w", 8) as packed:
        for member in plain.namelist():
            packed.writestr(member, plain.read(member))
    assert (tmp_path / "p.ckpt").stat().st_size < 10**5
    with pytest.raises(InputError, match="it is packed"):
        read_tensors(tmp_path / "p.ckpt", "--init")
    (tmp_path / "number.ckpt").unlink(missing_ok=True)
    torch.save({"state_dict": 3}, tmp_path / "number.ckpt")
    with pytest.raises(InputError, match="holds no weights"):
        read_tensors(tmp_path / "number.ckpt", "--init")
