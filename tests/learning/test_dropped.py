"""What training drops is what guidance asks without: zeros for latent and token, and depth told all the same."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from xrmri.config import TrainLdm
from xrmri.data.slices import Shuffle
from xrmri.learning.batches import Samples


def batch(**drops):
    made = np.random.default_rng(0)
    latents = SimpleNamespace(
        moments=made.normal(size=(6, 2, 4, 4, 4)),
        radiographs=made.normal(size=(2, 1, 1, 4, 4, 4)),
        tokens=made.normal(size=(2, 1, 16)),
    )
    config = replace(TrainLdm.load(preset="tiny"), **{"drop_token": 0.0, "drop_both": 0.0, "drop_concat": 0.0} | drops)
    features = np.eye(2, 5, dtype=np.float32)
    samples = Samples(
        slices=SimpleNamespace(depths=3), items=range(6), latents=latents, features=features, scale=1.0, config=config
    )
    return samples.training_batch(Shuffle(count=6, seed=0), range(6))


def test_a_slice_trained_without_the_radiograph_is_told_what_guidance_tells_the_term_without_it():
    kept, dropped = batch().condition, batch(drop_both=1.0).condition
    wanted = kept.without_radiograph()
    assert all(torch.equal(one, other) for one, other in zip(dropped, wanted, strict=True))
    assert torch.equal(dropped.depth, kept.depth) and torch.equal(dropped.features, kept.features)
    assert kept.token.any() and not dropped.token.any() and not dropped.concat.any() and dropped.depth.any()


@pytest.mark.parametrize(("drop", "gone"), [("drop_token", "token"), ("drop_concat", "concat")])
def test_token_or_latent_alone_are_dropped_too(drop, gone):
    kept, dropped = batch().condition, batch(**{drop: 1.0}).condition
    for name in ("token", "concat", "depth", "features"):
        one, other = getattr(kept, name), getattr(dropped, name)
        assert not other.any() if name == gone else torch.equal(one, other)
