"""What is fitted to a model: noise along depth, so that neighbours agree as acquired ones do, and its sampler."""

import json
import shutil

import pytest
import torch

from xrmri.config import TrainLdm
from xrmri.data.store import open_dataset
from xrmri.learning.noise_length import LENGTHS_MM, length_at
from xrmri.learning.sampler_fit import LARGEST_ON_CPU, add_fits
from xrmri.stages.train_ldm import _fit_sampler


@pytest.mark.parametrize(
    ("real", "length_mm"),
    [(0.85, 3.0), (0.875, round((3 * 6) ** 0.5, 2)), (0.5, LENGTHS_MM[0]), (0.99, LENGTHS_MM[-1])],
)
def test_the_length_is_where_drawn_neighbours_correlate_as_real_ones(real, length_mm):
    assert length_at(real, [0.7, 0.8, 0.85, 0.9, 0.91]) == length_mm


def test_what_is_fitted_is_in_the_models_facts_and_in_the_sidecar_of_what_it_draws(chain, xrmri, tmp_path):
    shutil.copytree(chain.ldm, tmp_path / "ldm")
    length_mm = add_fits(tmp_path / "ldm", open_dataset(chain.dataset)).noise_length_mm
    assert LENGTHS_MM[0] <= length_mm <= LENGTHS_MM[-1]
    assert json.loads((tmp_path / "ldm/xrmri.json").read_text())["noise_length_mm"] == length_mm
    pair = json.loads((chain.volumes / "run.json").read_text())["counts"]
    assert pair["drawn"] >= 1
    said = xrmri("generate", chain.dataset, "--model", tmp_path / "ldm", "-o", tmp_path / "volumes",
                 "--num-slices", "6", "--device", "cpu", "--no-progress")  # fmt: skip
    assert said.code == 0, said.err
    told = [json.loads(file.read_text()) for file in (tmp_path / "volumes").glob("*_*.json")]
    assert {(sidecar["noise_length_mm"], sidecar["sampler"], sidecar["steps"]) for sidecar in told} == {
        (length_mm, "fitted", 9)
    }


@pytest.mark.parametrize(("parameters", "fitted"), [(1_000, True), (LARGEST_ON_CPU + 1, False)])
def test_a_training_ends_by_fitting_its_model_unless_that_takes_hours(chain, tmp_path, caplog, parameters, fitted):
    shutil.copytree(chain.ldm, tmp_path / "ldm")
    config = TrainLdm.load(preset="tiny", fits=True)
    _fit_sampler(tmp_path / "ldm", open_dataset(chain.dataset), config, torch.device("cpu"), parameters=parameters)
    facts = json.loads((tmp_path / "ldm/xrmri.json").read_text())
    assert ({"sampler", "noise_length_mm"} <= facts.keys()) == fitted
    assert ("not fitted" in caplog.text) != fitted
