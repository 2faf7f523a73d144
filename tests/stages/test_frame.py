"""Knees are laid into one frame: nearer to one another, with a true affine, and the same bytes whoever builds them."""

import shutil

import numpy as np
import pytest

from tests.conftest import TINY
from xrmri.data.reference import on_grid
from xrmri.data.store import Dataset, open_dataset
from xrmri.formats.nifti import read_volume


@pytest.fixture(scope="module")
def shares(tmp_path_factory):
    """Settings of few people to train on, because all of those are laid onto one another twice."""
    file = tmp_path_factory.mktemp("shares") / "shares.toml"
    file.write_text("shares = [0.3, 0.1, 0.6]\n")
    return file


@pytest.fixture(scope="module")
def knee_frame(chain, shares, tmp_path_factory):
    """The tiny release, laid into the knee's frame in two shards by one process with two workers."""
    out = tmp_path_factory.mktemp("frame") / "dataset"
    built = build(chain, out, "--config", shares, "--shards", "2", "--workers", "2")
    assert built == 0
    return out


def build(chain, out, *more) -> int:
    """build-dataset --frame knee on the tiny release."""
    import sys

    from xrmri.cli.main import main

    before = sys.argv
    sys.argv = ["xrmri", "build-dataset", str(chain.oai), "--knees", str(chain.knees), "-o", str(out),
                "--frame", "knee", *TINY, *map(str, more)]  # fmt: skip
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.argv = before
    return 0


def in_unit_range(dataset: Dataset, pair_id: str) -> np.ndarray:
    low, high = dataset.window(pair_id)
    return np.clip((dataset.volume(pair_id) - low) / (high - low), 0, 1)


def test_knees_are_nearer_to_their_mean_in_their_own_frame_and_their_affines_tell_where_they_lay(chain, knee_frame):
    knee, scanner = open_dataset(knee_frame), open_dataset(chain.dataset)
    assert (knee.facts.frame, scanner.facts.frame) == ("knee", "scanner")
    assert (knee_frame / "template.nii.gz").is_file() and not (chain.dataset / "template.nii.gz").exists()
    pairs = knee.pairs()
    errors = {}
    for name, dataset in (("knee", knee), ("scanner", scanner)):
        volumes = np.stack([in_unit_range(dataset, pair_id) for pair_id in pairs])
        errors[name] = ((volumes - volumes.mean(axis=0)) ** 2).mean()
    assert errors["knee"] < 0.95 * errors["scanner"]
    for pair_id in pairs:
        lies, lay = knee.geometry(pair_id), scanner.geometry(pair_id)
        assert np.allclose(knee.scanner_geometry(pair_id).affine, lay.affine, atol=1e-9)
        assert np.array_equal(knee.radiograph(pair_id), scanner.radiograph(pair_id))
        step = np.linalg.inv(lay.affine[:3, :3]) @ lies.affine[:3, :3]
        assert lies.spacing_mm == pytest.approx((1.5, 2.5, 2.5))
        assert 0.9 < np.linalg.det(step) < 1.1 and np.abs(step - np.eye(3)).max() < 0.3


def test_shards_built_one_by_one_are_the_ones_of_a_single_process(chain, shares, knee_frame, tmp_path):
    out = tmp_path / "dataset"
    shard = ["--config", shares, "--shard"]
    assert [build(chain, out, *shard, f"{number}/2") for number in (1, 0)] == [0, 0]
    assert build(chain, out, "--merge") == 0
    for name in ("pairs-00000-of-00002.h5", "pairs-00001-of-00002.h5", "index.csv", "dataset.json", "template.nii.gz"):
        assert (out / name).read_bytes() == (knee_frame / name).read_bytes(), name


def test_a_later_cohort_is_laid_into_the_frame_of_an_earlier_one(chain, knee_frame, tmp_path):
    carrier = tmp_path / "earlier"
    carrier.mkdir()
    shutil.copy(knee_frame / "template.nii.gz", carrier)
    assert build(chain, tmp_path / "later", "--template", carrier) == 0
    later, earlier = open_dataset(tmp_path / "later"), open_dataset(knee_frame)
    for pair_id in earlier.pairs():
        assert np.array_equal(later.volume(pair_id), earlier.volume(pair_id))


def test_a_volume_of_the_knees_frame_can_be_laid_back_onto_the_slices_as_acquired(xrmri, chain, knee_frame, tmp_path):
    dataset = open_dataset(knee_frame)
    drawn = {}
    for frame in ("knee", "scanner"):
        ended = xrmri("generate", knee_frame, "--model", chain.ldm, "--split", "train", "--frame", frame,
                      "-o", tmp_path / frame, *TINY)  # fmt: skip
        assert ended.code == 0, ended.err
    for pair_id in dataset.pairs("train"):
        for frame in ("knee", "scanner"):
            drawn[frame] = read_volume(tmp_path / frame / f"{pair_id}.nii.gz")
        lay = dataset.scanner_geometry(pair_id)
        turned = lay.flipped(lay.across) if dataset.index.at[pair_id, "side"] == "left" else lay
        assert np.abs(drawn["scanner"].geometry.affine - turned.affine).max() < 1e-3
        again = on_grid(drawn["scanner"], drawn["knee"])
        inner = np.s_[1:-1, 12:-12, 12:-12]
        assert np.corrcoef(again.voxels[inner].ravel(), drawn["knee"].voxels[inner].ravel())[0, 1] > 0.8


def test_the_knees_frame_cannot_be_had_where_the_dataset_lies_in_the_scanners(xrmri, chain, tmp_path):
    ended = xrmri("generate", chain.dataset, "--model", chain.ldm, "--frame", "knee", "-o", tmp_path / "v", *TINY)
    assert ended.code == 2 and "build it with --frame knee" in ended.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--template", "nowhere", "--frame", "knee"], "template.nii.gz"),
        (["--template", "nowhere"], "--template belongs to --frame knee"),
        (["--frame", "coil"], "--frame must be one of scanner, knee"),
    ],
)
def test_a_frame_that_cannot_be_taken_is_one_line_and_nothing_is_built(xrmri, chain, tmp_path, options, said):
    out = tmp_path / "dataset"
    ended = xrmri("build-dataset", chain.oai, "--knees", chain.knees, "-o", out, *options, *TINY)
    assert ended.code == 2 and said in ended.err and len(ended.err.strip().splitlines()) == 1
    assert not list(out.glob("pairs-*"))
