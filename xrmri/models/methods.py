"""The compared methods: how each tells the one backbone what it knows. To add one, add a row (docs/extending.md)."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from xrmri.models.cola_diff import BalancedConditions
from xrmri.models.from_diffusers import UNet2DConditionModel
from xrmri.models.latent_diffusion import DepthAlone
from xrmri.models.x_diffusion import AxisAndDepth
from xrmri.models.xray2mri import ContextGuidance, TimeGuidance


@dataclass(frozen=True, kw_only=True, slots=True)
class Backbone:
    """What a method's maps are made for."""

    unet: UNet2DConditionModel
    features: int
    """F, slots of the feature code."""
    guidance: str
    """Of xray2mri: "context" or "time"."""
    halves: str
    """Of xray2mri: "paper", "swapped" or "joint"."""

    @property
    def width(self) -> int:
        """W, of the context token."""
        return int(self.unet.config.cross_attention_dim)


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """One of the compared methods."""

    name: str
    """For --method: one of `config.MethodName`."""
    guide: Callable[[Backbone], nn.Module]
    """Makes its maps: modules of (concat, token, depth, features) -> Conditioning."""
    token: bool = False
    """Whether it is told the CLIP token of the radiograph."""


def _xray2mri(given: Backbone) -> nn.Module:
    if given.guidance == "context":
        return ContextGuidance(width=given.width, features=given.features, halves=given.halves)
    embedding = 4 * given.unet.config.block_out_channels[0]
    return TimeGuidance(embedding=embedding, features=given.features, halves=given.halves)


METHODS = (
    Method(name="xray2mri", guide=_xray2mri, token=True),
    Method(name="ldm", guide=lambda given: DepthAlone(width=given.width)),
    Method(name="cola-diff", guide=lambda given: BalancedConditions(channels=given.unet.config.out_channels)),
    Method(name="x-diffusion", guide=lambda given: AxisAndDepth(width=given.width), token=True),
)
BY_NAME = {method.name: method for method in METHODS}
