"""How strongly radiograph and features act: classifier-free guidance with a weight for each (Ho and Salimans, 2022).

Shapes: B slices, C latent channels, h x w latent pixels, F feature slots.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from xrmri.models.bundle import Condition, Model, predict_noise


def guided(
    bundle: Model,
    condition: Condition,
    depth: Tensor,
    features: Tensor,
    *,
    radiograph_weight: float,
    features_weight: float,
) -> Callable[[Tensor, int], Tensor]:
    """The noise that a sampler follows, as a function of z_t (B, C, h, w) and t.

    It is eps(nothing) + w_y (eps(y) - eps(nothing)) + w_r (eps(y, r) - eps(y)): what is told nothing, the radiograph
    alone, and both. Terms whose factor vanishes are not asked for, so that weights of 1 cost nothing; the others are
    asked for together.

    Args:
        bundle: the model.
        condition: of one radiograph.
        depth: (B,) float32 in [0, 1].
        features: (1, F) float32 one-hot.
        radiograph_weight: w_y; 1 is the plain conditional model.
        features_weight: w_r; likewise.
    """
    unread = torch.zeros_like(features)
    terms = [
        (1 - radiograph_weight, condition.dropped(), unread),
        (radiograph_weight - features_weight, condition, unread),
        (features_weight, condition, features),
    ]
    terms = [term for term in terms if term[0]]
    count = len(depth)
    factors = [factor for factor, _, _ in terms]
    told = Condition(
        latent=torch.cat([y.expand(count).latent for _, y, _ in terms]),
        token=torch.cat([y.expand(count).token for _, y, _ in terms]),
    )
    r = torch.cat([r.expand(count, -1) for _, _, r in terms])
    d = depth.repeat(len(terms))

    def eps(z_t: Tensor, t: int) -> Tensor:
        said = predict_noise(bundle, z_t.repeat(len(terms), 1, 1, 1), t, told, d, r)
        return sum(factor * part for factor, part in zip(factors, said.split(count), strict=True))

    return eps
