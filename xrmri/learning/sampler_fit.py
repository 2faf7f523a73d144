"""What is fitted to a trained model before it draws: the weights of its sampler, and how long noise stays alike.

train-ldm does both at its end; `python -m xrmri.learning.sampler_fit LDM DATASET` does it for a model that has neither.
"""

import argparse
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from xrmri.data.store import Dataset, evenly, open_dataset
from xrmri.diffusion import fitted
from xrmri.errors import XrmriError
from xrmri.facts import ModelFacts, SamplerFacts, write_model_facts
from xrmri.generation.case import case_of_pair
from xrmri.generation.model import ModelFolder, find_model
from xrmri.learning.noise_length import fitted_length_mm
from xrmri.machine.device import find_device
from xrmri.machine.precision import fastest_precision
from xrmri.models.bundle import (
    Condition,
    Model,
    encode_radiograph,
    in_precision,
    load_bundle,
    predict_noise,
)
from xrmri.run import renew

log = logging.getLogger(__name__)

STEPS = 9
"""Of the fitted sampler: the fewest measured that come nearer than 50 of ddim, with the bundled model."""
LARGEST_ON_CPU = 100_000_000
"""Parameters of a denoiser that train-ldm fits on a CPU: the paper's, of 860 M, would take hours (computed)."""
PAIRS, DEPTHS = 8, 5
"""Pairs of the training split and slices of each: more changes nothing that can be seen (measured)."""


def add_fits(folder: Path, dataset: Dataset, device: torch.device | str = "cpu") -> ModelFacts:
    """Fit a model folder to its training set and write what is found into its xrmri.json."""
    log.info("fitting the sampler and the noise along depth to the training set")
    model, bundle = find_model(folder), load_bundle(folder, device)
    in_precision(bundle, fastest_precision(bundle.device))
    sampler = SamplerFacts(**asdict(fitted_rule(bundle, model, dataset)))
    bundle = replace(bundle, facts=replace(bundle.facts, sampler=sampler))  # which the length is fitted with
    facts = replace(bundle.facts, noise_length_mm=fitted_length_mm(bundle, model, dataset))
    write_model_facts(folder, facts)
    return facts


@torch.inference_mode()
def fitted_rule(bundle: Model, model: ModelFolder, dataset: Dataset) -> fitted.Rule:
    """The weights with which few steps draw slices of some training pairs as many do."""
    orders = [case_of_pair(dataset, pair_id, {}, model) for pair_id in evenly(dataset.pairs("train"), PAIRS)]
    each = [encode_radiograph(bundle, _tensor(order.network_input(model), bundle)) for order in orders]
    condition = Condition(
        latent=torch.cat([one.latent for one in each]).repeat_interleave(DEPTHS, dim=0),
        token=torch.cat([one.token for one in each]).repeat_interleave(DEPTHS, dim=0),
    )
    r = torch.cat([_tensor(order.features(model.features), bundle) for order in orders]).repeat_interleave(DEPTHS, 0)
    count = len(orders) * DEPTHS
    d = torch.linspace(0, 1, count, device=bundle.device)[torch.randperm(count, generator=_generator())]
    z_T = torch.randn(count, *bundle.latent_shape, generator=_generator()).to(bundle.device)

    def ask(z_t: Tensor, t: int) -> Tensor:
        return predict_noise(bundle, z_t, t, condition, d, r)

    abar = bundle.schedule.abar
    return fitted.fit(ask, z_T, abar, min(STEPS, len(abar)))


def _tensor(values: np.ndarray, bundle: Model) -> Tensor:
    """(1, ...) float32 on the model's device."""
    return torch.from_numpy(values.astype(np.float32))[None].to(bundle.device)


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
    try:
        done = add_fits(given.ldm, open_dataset(given.dataset), find_device("auto"))
        renew(given.ldm)
    except XrmriError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    assert done.sampler is not None
    print(f"{len(done.sampler.visited)} steps, noise alike over {done.noise_length_mm} mm")
    return 0


if __name__ == "__main__":
    sys.exit(main())
