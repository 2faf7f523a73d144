"""The averaged weights: what validation and every artefact use."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """A running average over all parameters that are trained."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the weights as they are."""
        self.decay = decay
        self.parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
        self.average = {name: p.detach().clone() for name, p in self.parameters.items()}

    @torch.no_grad()
    def update(self, taken: int) -> None:
        """Take in the weights after a step; the decay warms up as (1 + n) / (10 + n), after n steps."""
        decay = min(self.decay, (1 + taken) / (10 + taken))
        torch._foreach_lerp_(list(self.average.values()), list(self.parameters.values()), 1 - decay)

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a saved average."""
        for name, value in self.average.items():
            value.copy_(state[name])

    def keep(self) -> None:
        """Put the average into the network for good."""
        self._swap()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the network, and the weights back at the end."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, parameter in self.parameters.items():
            held = parameter.detach().clone()
            parameter.copy_(self.average[name])
            self.average[name].copy_(held)
