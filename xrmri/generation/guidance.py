"""How strongly radiograph and features act: classifier-free guidance with a weight for each (Ho and Salimans, 2022).

Shapes: B slices, C latent channels, h x w latent pixels.
"""

from torch import Tensor

from xrmri.diffusion.ddim import PredictNoise
from xrmri.models.bundle import Model
from xrmri.models.condition import Condition, joined


def guided(model: Model, condition: Condition, *, radiograph_weight: float, features_weight: float) -> PredictNoise:
    """The noise that a sampler follows, as a function of z_t (B, C, h, w) and t.

    It is eps(nothing) + w_y (eps(y) - eps(nothing)) + w_r (eps(y, r) - eps(y)): what is told nothing, the radiograph
    alone, and both. Terms whose factor vanishes are not asked for, so that weights of 1 cost nothing; the others are
    asked for together.

    Args:
        model: the model.
        condition: of B slices.
        radiograph_weight: w_y; 1 is the plain conditional model.
        features_weight: w_r; likewise.
    """
    radiograph_alone = condition.without_readings()
    terms = [
        (1 - radiograph_weight, radiograph_alone.without_radiograph()),
        (radiograph_weight - features_weight, radiograph_alone),
        (features_weight, condition),
    ]
    terms = [term for term in terms if term[0]]
    factors, conditions = zip(*terms, strict=True)
    together = joined(conditions)

    def eps(z_t: Tensor, t: int) -> Tensor:
        parts = model.predict_noise(z_t.repeat(len(terms), 1, 1, 1), t, together).split(len(z_t))
        return sum(factor * part for factor, part in zip(factors, parts, strict=True))

    return eps
