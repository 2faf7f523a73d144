"""--mean: the expected volume of a model with an anchor, in one pass, and what it is said to be."""

import json

import nibabel
import numpy as np
import pytest
from PIL import Image

from tests.stages.made_dataset import make_dataset
from xrmri.config import Execution, Generate, TrainLdm, TrainVae
from xrmri.errors import InputError
from xrmri.generation.inputs import GenerateInputs
from xrmri.stages import generate, train_ldm, train_vae

ON_CPU = Execution(device="cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """dataset/, vae/, ldm/ with an anchor, and knee.png."""
    root = tmp_path_factory.mktemp("mean")
    make_dataset(root / "dataset")
    train_vae.run(root / "dataset", root / "vae", TrainVae.load(preset="tiny"), ON_CPU)
    config = TrainLdm.load(preset="tiny", anchor=True, anchor_steps=4, anchor_batch_size=4)
    train_ldm.run(root / "dataset", root / "vae", root / "ldm", config, execution=ON_CPU)
    rows, columns = np.mgrid[:200, :200] / 200
    film = np.exp(-((rows - 0.5) ** 2 + (columns - 0.4) ** 2) / 0.05)
    Image.fromarray((film * 255).astype(np.uint8)).save(root / "knee.png")
    return root


def draw(made, out, side=None, **settings):
    inputs = GenerateInputs(model=made / "ldm", side=side)
    config = Generate.load(**{"preset": "tiny", "mean": True, **settings})
    return generate.run([made / "knee.png"], out, config=config, execution=ON_CPU, inputs=inputs)


def test_it_writes_the_mean_its_deviation_and_says_what_it_is(made, tmp_path):
    out = tmp_path / "knee.nii.gz"
    assert [name.rpartition("/")[2] for name in draw(made, out)["outputs"]] == [
        "knee.nii.gz", "knee_std.nii.gz", "knee.json", "knee.png"
    ]  # fmt: skip
    mean, deviation = nibabel.load(out), nibabel.load(tmp_path / "knee_std.nii.gz")
    assert mean.shape == deviation.shape and b"mean" in mean.header["descrip"].item()
    assert np.asarray(deviation.dataobj).min() >= 0 and np.asarray(deviation.dataobj).max() > 0
    told = json.loads((tmp_path / "knee.json").read_bytes())
    assert told["kind"].startswith("mean: the expected volume") and told["mean"] is True
    assert draw(made, out)["status"] == "already done"


def test_it_does_not_depend_on_the_seed_and_mirrors_a_left_knee(made, tmp_path):
    volumes = {}
    for name, settings in {"one": {"seed": 1}, "two": {"seed": 2}, "left": {"side": "left"}}.items():
        draw(made, tmp_path / f"{name}.nii.gz", **settings)
        volumes[name] = np.asarray(nibabel.load(tmp_path / f"{name}.nii.gz").dataobj)
    assert np.array_equal(volumes["one"], volumes["two"])
    assert not np.array_equal(volumes["one"], volumes["left"])


def test_it_is_refused_with_samples_and_of_a_model_without_an_anchor(made, tmp_path):
    with pytest.raises(InputError, match="leave --samples out"):
        draw(made, tmp_path / "a.nii.gz", samples=3)
    config = Generate.load(preset="tiny", mean=True)
    train_ldm.run(made / "dataset", made / "vae", tmp_path / "plain", TrainLdm.load(preset="tiny"), execution=ON_CPU)
    with pytest.raises(InputError, match="has none: take --samples 8"):
        generate.run(
            [made / "knee.png"],
            tmp_path / "b.nii.gz",
            config=config,
            execution=ON_CPU,
            inputs=GenerateInputs(model=tmp_path / "plain"),
        )
    assert not list(tmp_path.glob("*.nii.gz"))
