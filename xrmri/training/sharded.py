"""AdamW whose moments are shared out among the processes (ZeRO, stage 1: Rajbhandari et al., 2020).

torch's own ZeroRedundancyOptimizer does not do: a GPU refuses the state of a fused AdamW that it has loaded
(pytorch#124133), and it sends a state as Python bytes, 9.6 s for 50 MB (measured); a half of the paper's has 3.4 GB.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps of a parameter."""


class ShardedAdamW(torch.optim.AdamW):
    """AdamW, to the bit, that holds the moments of one process's share of the parameters."""

    def __init__(self, groups: list[dict[str, Any]], **settings: Any) -> None:
        """Share out the parameters of some groups; all processes must be given the same ones."""
        super().__init__(groups, **settings)
        self._rank = distributed.get_rank()
        self._all = [parameter for group in self.param_groups for parameter in group["params"]]
        self._owners = share_out([parameter.numel() for parameter in self._all], distributed.get_world_size())

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update this process's share and take over what the others have made of theirs."""
        for parameter, owner in zip(self._all, self._owners, strict=True):
            if owner != self._rank:
                parameter.grad = None  # AdamW passes over a parameter without one, and keeps nothing for it
        super().step(closure)
        for owner in sorted(set(self._owners)):
            _take_over([each for each, whose in zip(self._all, self._owners, strict=True) if whose == owner], owner)

    @torch.no_grad()
    def state_dict(self) -> dict[str, Any]:
        """What a plain AdamW would say, with tensors on the CPU, on the first process; all must ask for it together."""
        whole = super().state_dict() | {"state": {}}
        for place, (parameter, owner) in enumerate(zip(self._all, self._owners, strict=True)):
            moments = self.state.get(parameter) or _at_the_start(parameter)
            for name in MOMENTS:
                distributed.broadcast(moments[name], owner)
            if self._rank == 0:
                whole["state"][place] = {name: moments[name].cpu() for name in MOMENTS}
        return whole

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take this process's share of what a plain AdamW has said."""
        own = {place: value for place, value in state_dict["state"].items() if self._owners[place] == self._rank}
        super().load_state_dict({**state_dict, "state": own})


def share_out(sizes: Sequence[int], processes: int) -> list[int]:
    """Whose each parameter is: from the largest on, each goes to the process that has least so far.

    Args:
        sizes: numbers in each parameter.
        processes: how many there are.

    Returns:
        A process, counted from 0, for each parameter.
    """
    owners, held = [0] * len(sizes), [0] * processes
    for place in sorted(range(len(sizes)), key=lambda place: -sizes[place]):
        owners[place] = held.index(min(held))
        held[owners[place]] += sizes[place]
    return owners


@torch.no_grad()
def _take_over(share: list[Tensor], owner: int) -> None:
    """Make a share of the parameters what its owner has made of it."""
    # One message: one for each tensor took longer than all else in a step of a small network.
    sent = torch.cat([parameter.flatten() for parameter in share])
    distributed.broadcast(sent, owner)
    for parameter, part in zip(share, sent.split([parameter.numel() for parameter in share]), strict=True):
        parameter.copy_(part.view_as(parameter))


def _at_the_start(parameter: Tensor) -> dict[str, Tensor]:
    """The moments of a parameter that has not been updated, which also hold what another process sends."""
    return {name: parameter.new_zeros(()) if name == "step" else torch.zeros_like(parameter) for name in MOMENTS}
