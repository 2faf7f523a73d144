"""A person's radiograph becomes a volume: where it lies, what it says of itself, and that it is always the same."""

import json
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from tests.faults.datasets import record_again
from xrmri.generation.case import Case

CPU = ["--device", "cpu", "--no-progress", "--steps", "3"]


@pytest.fixture(scope="module")
def knee(tmp_path_factory):
    """A joint crop whose left and right differ, and its mirror image."""
    folder = tmp_path_factory.mktemp("knee")
    y, x = np.mgrid[:224, :224] / 224
    pixels = ((0.3 + 0.5 * np.exp(-((x - 0.35) ** 2 + (y - 0.4) ** 2) / 0.05) + 0.2 * y) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "knee.png")
    Image.fromarray(pixels[:, ::-1]).save(folder / "mirrored.png")
    (folder / "kl.json").write_text('{"kl": 2, "xrjsm": 1, "V00XRATTL": null}')
    return folder


@pytest.fixture
def generate(chain, xrmri, knee):
    """Draw from the knee with the tiny model, to a file; returns the path."""

    def call(out, *arguments, radiograph="knee.png"):
        said = xrmri("generate", knee / radiograph, "--model", chain.ldm, "-o", out, *CPU, *arguments)
        assert said.code == 0, said.err
        assert said.out.splitlines()[0] == str(out)
        return out

    return call


def test_the_volume_lies_true_for_nibabel_and_simpleitk_alike(generate, tmp_path):
    file = generate(tmp_path / "a.nii.gz", "--num-slices", "9")
    seen, read = nibabel.load(file), sitk.ReadImage(str(file))
    assert seen.shape == read.GetSize() == (64, 64, 9)
    assert seen.get_data_dtype() == np.int16
    assert np.allclose(seen.header.get_zooms(), (2.5, 2.5, 1.5 * 49 / 8), atol=1e-5)
    assert nibabel.aff2axcodes(seen.affine) == ("L", "I", "A")
    assert np.allclose(seen.get_sform(), seen.get_qform(), atol=1e-4)
    assert np.allclose(seen.affine @ [31.5, 31.5, 4, 1], [0, 0, 0, 1], atol=1e-4)
    last = np.array(read.TransformIndexToPhysicalPoint((63, 63, 8))) * [-1, -1, 1]
    assert np.allclose(seen.affine @ [63, 63, 8, 1], [*last, 1], atol=1e-3)
    assert seen.header["descrip"].tobytes().rstrip(b"\0") == b"xrmri synthetic; not for diagnosis"


def test_the_sidecar_says_synthetic_and_all_that_the_volume_depends_on(generate, knee, tmp_path):
    file = generate(tmp_path / "a.nii.gz", "--features", knee / "kl.json", "--set", "V00XROSFM=3", "--seed", "5")
    told = json.loads((tmp_path / "a.json").read_bytes())
    assert told["synthetic"] is True and told["trained_on"] == "synthetic phantom"
    assert told["features_used"] == {"V00XRKL": 2, "V00XRJSM": 1, "V00XROSFM": 3}
    assert len(told["features_missing"]) == 16
    assert (told["seed"], told["steps"], told["side"], told["num_slices"]) == (5, 3, "right", 50)
    assert told["sources"][0]["file"] == "knee.png" and len(told["model_sha256"]) == 64
    assert str(tmp_path) not in json.dumps(told)
    assert file.exists() and Image.open(tmp_path / "a.png").size > (600, 400)


def test_the_same_command_gives_the_same_bytes_and_another_seed_gives_others(generate, tmp_path):
    arguments = ["--num-slices", "5"]
    once, again = generate(tmp_path / "1" / "a.nii.gz", *arguments), generate(tmp_path / "2" / "a.nii.gz", *arguments)
    for name in ("a.nii.gz", "a.json", "a.png"):
        assert (once.parent / name).read_bytes() == (again.parent / name).read_bytes()
    other = generate(tmp_path / "3" / "a.nii.gz", *arguments, "--seed", "1")
    assert other.read_bytes() != once.read_bytes()


def test_a_mirrored_radiograph_of_a_left_knee_gives_the_mirrored_volume(generate, tmp_path):
    right = nibabel.load(generate(tmp_path / "r.nii.gz", "--num-slices", "5", "--side", "right"))
    left = nibabel.load(
        generate(tmp_path / "l.nii.gz", "--num-slices", "5", "--side", "left", radiograph="mirrored.png")
    )
    assert np.array_equal(np.asarray(left.dataobj)[::-1], np.asarray(right.dataobj))
    assert np.allclose(left.affine, right.affine)


def test_a_slice_at_one_depth_is_the_same_whether_5_or_9_slices_are_drawn(generate, tmp_path):
    few = np.asarray(nibabel.load(generate(tmp_path / "5.nii.gz", "--num-slices", "5")).dataobj, dtype=int)
    many = np.asarray(nibabel.load(generate(tmp_path / "9.nii.gz", "--num-slices", "9")).dataobj, dtype=int)
    assert np.array_equal(few, many[..., ::2])


def test_three_samples_come_with_their_mean_and_standard_deviation(generate, tmp_path):
    file = generate(tmp_path / "k.nii.gz", "--num-slices", "4", "--samples", "3")
    names = ["k.nii.gz", "k_sample-2.nii.gz", "k_sample-3.nii.gz", "k_mean.nii.gz", "k_std.nii.gz"]
    volumes = [np.asarray(nibabel.load(file.with_name(name)).dataobj, dtype=float) for name in names]
    assert np.allclose(volumes[3], np.mean(volumes[:3], axis=0), atol=1)
    assert np.allclose(volumes[4], np.std(volumes[:3], axis=0), atol=1)
    assert volumes[4].max() > 0


def test_the_same_command_again_is_already_done_and_other_settings_are_refused(generate, chain, knee, xrmri, tmp_path):
    file = generate(tmp_path / "a.nii.gz", "--num-slices", "4")
    before = file.stat().st_mtime_ns
    command = ["generate", knee / "knee.png", "--model", chain.ldm, "-o", file, *CPU, "--num-slices", "4"]
    said = xrmri(*command)
    assert (said.code, said.err.strip().splitlines()[-1]) == (0, "already done")
    assert file.stat().st_mtime_ns == before
    said = xrmri(*command, "--seed", "1")
    assert said.code == 2 and "drawn with other settings" in said.err
    assert xrmri(*command, "--seed", "1", "--force").code == 0
    assert file.stat().st_mtime_ns > before


def test_of_several_radiographs_a_bad_one_becomes_a_row_and_the_others_are_drawn(chain, knee, xrmri, tmp_path):
    (tmp_path / "bad.png").write_text("not an image")
    said = xrmri("generate", knee / "knee.png", tmp_path / "bad.png", knee / "mirrored.png", "--model", chain.ldm,
                 "-o", tmp_path / "out", *CPU, "--num-slices", "3", "--json")  # fmt: skip
    assert said.code == 0, said.err
    assert said.result["counts"] == {"asked": 3, "drawn": 2, "rejected": 1}
    assert "bad_mri" in (tmp_path / "out" / "rejected.csv").read_text(encoding="utf-8")
    assert sorted(f.name for f in (tmp_path / "out").glob("*.nii.gz")) == ["knee_mri.nii.gz", "mirrored_mri.nii.gz"]


def test_a_volume_of_a_cohort_equals_the_one_drawn_from_its_radiograph_alone(chain, xrmri, tmp_path, monkeypatch):
    import h5py
    import pandas as pd

    index = pd.read_csv(chain.dataset / "index.csv", dtype=str)
    pair = index[index["split"] == "test"].iloc[0]
    with h5py.File(chain.dataset / pair["shard"]) as shard:
        crop = shard["radiograph"][int(pair["row"])]
        names = json.loads((chain.dataset / "dataset.json").read_bytes())["features"]
        told = dict(zip(names, shard["grades"][int(pair["row"])].tolist(), strict=True))
    crop = crop[:, ::-1] if pair["side"] == "left" else crop
    Image.fromarray(crop).save(tmp_path / "crop.png")
    (tmp_path / "r.json").write_text(json.dumps({name: None if grade < 0 else grade for name, grade in told.items()}))
    own = Case.noise_stream.fget(SimpleNamespace(source={"pair_id": pair["pair_id"]}))
    monkeypatch.setattr(Case, "noise_stream", own)  # a radiograph alone has no noise of its own
    said = xrmri("generate", tmp_path / "crop.png", "--features", tmp_path / "r.json", "--side", pair["side"],
                 "--model", chain.ldm, "-o", tmp_path / "a.nii.gz", "--preset", "tiny", "--device", "cpu")  # fmt: skip
    assert said.code == 0, said.err
    alone = np.asarray(nibabel.load(tmp_path / "a.nii.gz").dataobj, dtype=int)
    cohort = np.asarray(nibabel.load(chain.volumes / f"{pair['pair_id']}.nii.gz").dataobj, dtype=int)
    # The crop is windowed once more on its way through a PNG.
    assert np.corrcoef(alone.ravel(), cohort.ravel())[0, 1] > 0.99


def test_generate_never_reads_the_acquired_volume(chain, xrmri, tmp_path):
    import shutil

    import h5py

    shutil.copytree(chain.dataset, tmp_path / "dataset")
    for file in (tmp_path / "dataset").glob("*.h5"):
        with h5py.File(file, "r+") as shard:
            shard["mri"][...], shard["window"][...] = 0, (0, 1)  # gone: nothing of it can be drawn
    record_again(tmp_path / "dataset")
    said = xrmri("generate", tmp_path / "dataset", "--model", chain.ldm, "-o", tmp_path / "volumes", "--preset", "tiny",
                 "--device", "cpu", "--no-progress")  # fmt: skip
    assert said.code == 0, said.err
    drawn = sorted(f.name for f in (tmp_path / "volumes").glob("*.nii.gz"))
    assert drawn
    for name in drawn:
        assert (tmp_path / "volumes" / name).read_bytes() == (chain.volumes / name).read_bytes()
