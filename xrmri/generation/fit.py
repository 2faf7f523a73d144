"""What is fitted to a trained model before it draws: the weights of its sampler, and how long noise stays alike.

train-ldm does both at its end; `python -m xrmri.generation.fit LDM DATASET` repeats it for a model that has neither.
"""

import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from xrmri.data.store import Dataset, evenly, open_dataset
from xrmri.diffusion import fitted
from xrmri.generation.model import Model, find_model
from xrmri.generation.noise_length import fitted_length_mm
from xrmri.generation.order import order_of_pair
from xrmri.models.bundle import (
    FACTS,
    Bundle,
    Condition,
    encode_radiograph,
    in_precision,
    load_bundle,
    predict_noise,
)
from xrmri.models.device import find_device
from xrmri.precision import fastest_precision
from xrmri.run import write_json

log = logging.getLogger(__name__)

STEPS = 9
"""Of the fitted sampler: the fewest measured that come nearer than 50 of ddim, with the bundled model."""
LARGEST_ON_CPU = 100_000_000
"""Parameters of a denoiser that train-ldm fits on a CPU: the paper's, of 860 M, would take hours (computed)."""
PAIRS, DEPTHS = 8, 5
"""Pairs of the training split and slices of each: more changes nothing that can be seen (measured)."""


def add_fits(folder: Path, dataset: Dataset, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Fit a model folder to its training set and write what is found into its xrmri.json."""
    log.info("fitting the sampler and the noise along depth to the training set")
    model, bundle = find_model(folder), load_bundle(folder, device)
    in_precision(bundle, fastest_precision(bundle.device))
    sampler = asdict(fitted_rule(bundle, model, dataset))
    bundle = replace(bundle, facts={**bundle.facts, "sampler": sampler})  # which the length is fitted with
    facts = {**bundle.facts, "noise_length_mm": fitted_length_mm(bundle, model, dataset)}
    write_json(folder / FACTS, facts)
    return facts


@torch.inference_mode()
def fitted_rule(bundle: Bundle, model: Model, dataset: Dataset) -> fitted.Rule:
    """The weights with which few steps draw slices of some training pairs as many do."""
    orders = [order_of_pair(dataset, pair_id, {}, model) for pair_id in evenly(dataset.pairs("train"), PAIRS)]
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


def _tensor(values: np.ndarray, bundle: Bundle) -> Tensor:
    """(1, ...) float32 on the model's device."""
    return torch.from_numpy(values.astype(np.float32))[None].to(bundle.device)


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    done = add_fits(Path(sys.argv[1]), open_dataset(Path(sys.argv[2])), find_device("auto"))
    print(f"{len(done['sampler']['visited'])} steps, noise alike over {done['noise_length_mm']} mm")
