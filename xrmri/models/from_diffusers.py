"""What is taken of diffusers. It takes longer to import than torch, and three quarters of that are for nothing.

It reads torch's compiler (1.1 s) to keep parts of its own from being compiled, scipy.stats (0.7 s) for noise schedules,
and torchvision for pictures. Nothing here asks for any of them, so they are out of sight while it is read, and there
for whoever asks afterwards.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


def _as_it_is(part: Callable[..., Any] | None = None, *_: object, **__: object) -> Callable[..., Any]:
    """What torch's compiler makes of a function that it is to leave alone, or the decorator that does so."""
    return part or (lambda part: part)


@contextmanager
def _out_of_sight(name: str, **instead: object) -> Iterator[None]:
    """Let a module that was not imported yet be an empty one for a while, but for what it has instead."""
    if name in sys.modules:
        yield
        return
    empty = sys.modules[name] = ModuleType(name)
    vars(empty).update(instead, __spec__=ModuleSpec(name, loader=None))
    try:
        yield
    finally:
        del sys.modules[name]


with (
    _out_of_sight("torch._dynamo", disable=_as_it_is),
    _out_of_sight("torchvision", transforms=None),
    _out_of_sight("scipy.stats"),
):
    for part in ("diffusers.models.autoencoders", "diffusers.models.unets"):
        with suppress(ImportError, AttributeError, RuntimeError):  # another version of it may need them after all
            import_module(part)

from diffusers.configuration_utils import ConfigMixin  # noqa: E402 - see above
from diffusers.models import AutoencoderKL, UNet2DConditionModel  # noqa: E402
from diffusers.models.attention_processor import Attention  # noqa: E402
from diffusers.models.embeddings import get_timestep_embedding  # noqa: E402
from diffusers.models.upsampling import Upsample2D  # noqa: E402

__all__ = ["Attention", "AutoencoderKL", "ConfigMixin", "UNet2DConditionModel", "Upsample2D", "get_timestep_embedding"]
