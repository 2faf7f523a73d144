"""How unlike a radiograph is to those that a model was taught on, and that an unlike one is told."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from xrmri.config import DetectKnee
from xrmri.data.familiar import STRANGE, learn_familiar, read_familiar, write_familiar
from xrmri.data.radiograph import mirrored
from xrmri.data.store import open_dataset
from xrmri.errors import InconsistentError
from xrmri.facts.folders import FAMILIAR
from xrmri.generation.film import read_joint
from xrmri.pretrained import BUNDLED_LDM


def strangers():
    """No knees: noise, smooth noise, a face of stripes, a disc."""
    numbers = np.random.default_rng(0)
    y, x = np.mgrid[:224, :224] / 224
    yield (numbers.random((224, 224)) * 65535).astype(np.uint16)
    yield ((0.5 + 0.5 * np.sin(20 * x)) * 65535).astype(np.uint16)
    yield ((np.hypot(x - 0.5, y - 0.5) < 0.3) * 65535).astype(np.uint16)
    yield ((1 - y) * 65535).astype(np.uint16)


def test_training_radiographs_are_told_by_their_patterns_and_other_pictures_are_not(chain):
    data = open_dataset(chain.dataset)
    familiar = learn_familiar(data)
    assert np.allclose(familiar.components @ familiar.components.T, np.eye(len(familiar.components)), atol=1e-6)
    assert max(familiar.strangeness(data.radiograph(pair_id)) for pair_id in data.pairs("train")) < 0.2
    assert min(familiar.strangeness(one) for one in strangers()) > STRANGE


def test_train_ldm_leaves_the_patterns_in_the_folder_of_the_model(chain, tmp_path):
    kept, learnt = read_familiar(chain.ldm), learn_familiar(open_dataset(chain.dataset))
    assert np.allclose(kept.mean, learnt.mean, atol=1e-6)
    assert FAMILIAR in json.loads((chain.ldm / "run.json").read_bytes())["outputs"]
    assert read_familiar(tmp_path) is None
    write_familiar(tmp_path, learnt)
    (tmp_path / FAMILIAR).write_bytes((tmp_path / FAMILIAR).read_bytes()[:-40])
    with pytest.raises(InconsistentError, match="familiar.safetensors is damaged"):
        read_familiar(tmp_path)


def test_an_unlike_picture_is_drawn_with_a_warning_that_names_its_score(xrmri, tmp_path):
    Image.fromarray((next(strangers()) >> 8).astype(np.uint8)).save(tmp_path / "noise.png")
    ended = xrmri("generate", tmp_path / "noise.png", "--mean", "--num-slices", 3, "-o", tmp_path / "a.nii.gz")
    said = r"noise\.png: no knee was found on it \(best score 0\..*\); "
    said += r"it is unlike what the model was taught on \([01]\.\d\d, knees have at most"
    assert ended.code == 0 and re.search(said, ended.err)
    told = json.loads((tmp_path / "a.json").read_bytes())["radiograph"]
    assert 0.9 < told["strangeness"] < 1.5 and "no knee was found on it" in told["warning"]
    assert "it is unlike what the model was taught on" in told["warning"]


def test_of_real_crops_one_in_fifty_at_most_is_unlike_what_the_bundled_model_was_taught_on(real_data):
    familiar, scores = read_familiar(BUNDLED_LDM), []
    for file in sorted((real_data / "knee_xray" / "images").glob("*.png"))[::10]:
        joint = read_joint(file, "left" if file.stem.endswith("L") else "right", DetectKnee())
        scores.append(familiar.strangeness(mirrored(joint.pixels) if joint.side == "left" else joint.pixels))
    assert len(scores) == 43 and sum(score > STRANGE for score in scores) <= 1
    assert min(familiar.strangeness(one) for one in strangers()) > STRANGE
