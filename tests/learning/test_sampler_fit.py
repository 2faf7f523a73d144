"""What is fitted to a model: noise along depth, so that neighbours agree as acquired ones do, and its sampler."""

import json
import shutil

import pytest
import torch

from xrmri.config import TrainLdm
from xrmri.data.store import open_dataset
from xrmri.learning.noise_length import LENGTHS_MM, length_at
from xrmri.learning.sampler_fit import LARGEST_ON_CPU
from xrmri.stages.train_ldm import _fit_sampler


@pytest.mark.parametrize(
    ("real", "length_mm"),
    [(0.85, 3.0), (0.875, round((3 * 6) ** 0.5, 2)), (0.5, LENGTHS_MM[0]), (0.99, LENGTHS_MM[-1])],
)
def test_the_length_is_where_drawn_neighbours_correlate_as_real_ones(real, length_mm):
    assert length_at(real, [0.7, 0.8, 0.85, 0.9, 0.91]) == length_mm


@pytest.fixture
def ended(chain, caplog):
    """The tiny model in a folder after the end of a training of so many parameters; what its end said."""

    def end(folder, parameters):
        shutil.copytree(chain.ldm, folder)
        config, data = TrainLdm.load(preset="tiny", fits=True), open_dataset(chain.dataset)
        _fit_sampler(folder, data, config, torch.device("cpu"), parameters=parameters)
        return json.loads((folder / "xrmri.json").read_bytes()), caplog.text

    return end


@pytest.mark.heavy
def test_a_training_ends_by_fitting_its_model_and_what_it_draws_says_with_what(ended, chain, xrmri, tmp_path):
    facts, said = ended(tmp_path / "ldm", parameters=1_000)
    assert {"sampler", "noise_length_mm"} <= facts.keys() and "not fitted" not in said
    assert LENGTHS_MM[0] <= facts["noise_length_mm"] <= LENGTHS_MM[-1]
    pair = json.loads((chain.volumes / "run.json").read_bytes())["counts"]
    assert pair["drawn"] >= 1
    said = xrmri("generate", chain.dataset, "--model", tmp_path / "ldm", "-o", tmp_path / "volumes",
                 "--num-slices", "6", "--device", "cpu", "--no-progress")  # fmt: skip
    assert said.code == 0, said.err
    told = [json.loads(file.read_bytes()) for file in (tmp_path / "volumes").glob("*_*.json")]
    assert {(sidecar["noise_length_mm"], sidecar["sampler"], sidecar["steps"]) for sidecar in told} == {
        (facts["noise_length_mm"], "fitted", 9)
    }


def test_a_training_leaves_unfitted_what_takes_hours_to_fit_and_says_so(ended, tmp_path):
    facts, said = ended(tmp_path / "ldm", parameters=LARGEST_ON_CPU + 1)
    assert not {"sampler", "noise_length_mm"} & facts.keys() and "not fitted" in said
