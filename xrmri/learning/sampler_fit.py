"""What is fitted to a trained model before it draws: the weights of its sampler, and how long noise stays alike.

train-ldm does both at its end; `python -m xrmri.learning.sampler_fit LDM DATASET` does it for a model that has neither.
"""

import argparse
import logging
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch

from xrmri.data.slices import seen_knee
from xrmri.data.store import Dataset, open_dataset
from xrmri.diffusion import fitted
from xrmri.evenly import evenly
from xrmri.facts.folders import ModelFacts, read_model_facts, write_model_facts
from xrmri.facts.parts import SamplerFacts
from xrmri.generation.model import ModelFolder, find_model
from xrmri.learning.noise_length import fitted_length_mm
from xrmri.machine.device import find_device
from xrmri.machine.precision import fastest_precision
from xrmri.models.bundle import Model, condition_of, in_precision, load_bundle
from xrmri.models.condition import joined
from xrmri.runs.ending import exit_code_of
from xrmri.runs.folder import fingerprint, renew

log = logging.getLogger(__name__)

STEPS, STEPS_WITH_ANCHOR = 9, 5
"""Of the fitted sampler. Nine are the fewest measured that come nearer than 50 of ddim. An anchor leaves less to draw:
five tell as much of a knee and have as much detail as nine (docs/sampling.md)."""
LARGEST_ON_CPU = 100_000_000
"""Parameters of a denoiser that train-ldm fits on a CPU: the paper's, of 860 M, would take hours (computed)."""
PAIRS, DEPTHS = 8, 5
"""Pairs of the training split and slices of each: more changes nothing that can be seen (measured)."""


def add_fits(folder: Path, dataset: Dataset, device: torch.device | str = "cpu") -> ModelFacts:
    """Fit a model folder to its training set and write what is found into its xrmri.json."""
    log.info("fitting the sampler and the noise along depth to the training set")
    described, model = find_model(folder), load_bundle(folder, device)
    in_precision(model, fastest_precision(model.device))
    sampler = SamplerFacts(**asdict(fitted_rule(model, described, dataset)))
    model = replace(model, facts=replace(model.facts, sampler=sampler))  # which the length is fitted with
    facts = replace(model.facts, noise_length_mm=fitted_length_mm(model, described, dataset))
    write_model_facts(folder, facts)
    return facts


@torch.inference_mode()
def fitted_rule(model: Model, folder: ModelFolder, dataset: Dataset) -> fitted.Rule:
    """The weights with which few steps draw slices of some training pairs as many do."""
    chosen = evenly(dataset.pairs("train"), PAIRS)
    knees = [seen_knee(dataset, pair_id, folder.view) for pair_id in chosen]
    count = len(knees) * DEPTHS
    depths = torch.linspace(0, 1, count, device=model.device)[torch.randperm(count, generator=_generator())]
    each = zip(knees, depths.split(DEPTHS), strict=True)
    condition = joined(condition_of(model, *seen).at(own) for seen, own in each)
    z_T = torch.randn(count, *model.latent_shape, generator=_generator()).to(model.device)
    abar = model.schedule.abar
    steps = min(STEPS_WITH_ANCHOR if model.anchor else STEPS, len(abar))
    return fitted.fit(partial(model.predict_noise, condition=condition), z_T, abar, steps)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xrmri.learning.sampler_fit", description="Fit sampler and noise along depth to a trained model."
    )
    parser.add_argument("ldm", type=Path, help="folder that train-ldm finished")
    parser.add_argument("dataset", type=Path, help="dataset it was trained on")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code_of(partial(_fit, given.ldm, given.dataset))


def _fit(ldm: Path, dataset: Path) -> None:
    data = open_dataset(dataset)
    if read_model_facts(ldm).dataset_sha256 != fingerprint(dataset):
        log.warning("%s was not trained on %s as it is: its sampler will be fitted to other knees", ldm, dataset)
    done = add_fits(ldm, data, find_device("auto"))
    renew(ldm)
    assert done.sampler is not None
    print(f"{len(done.sampler.visited)} steps, noise alike over {done.noise_length_mm} mm")


if __name__ == "__main__":
    sys.exit(main())
