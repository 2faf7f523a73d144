"""The sharded optimiser alone: shares of one size, and an overflow in one share that stops the step of all."""

import json
from pathlib import Path

import torch
from torch import distributed

from tests.forked import work_on_two_processes
from xrmri.training.sharded import ShardedAdamW, share_out


def steps(folder: Path) -> None:
    """A step that all take, and one in which a gradient of the first process overflows; what came of them."""
    distributed.init_process_group("gloo")
    weights = [torch.nn.Parameter(torch.ones(size)) for size in (5, 4, 3)]
    optimiser = ShardedAdamW([{"params": weights}], lr=0.1, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    seen = []
    for largest in (4.0, float("inf")):
        scaler.scale(torch.zeros(()))
        for weight in weights:
            weight.grad = torch.full_like(weight, 4.0)
        weights[0].grad.fill_(largest)
        scaler.step(optimiser)
        scaler.update()
        seen.append([scaler.get_scale(), *(round(weight[0].item(), 3) for weight in weights)])
    whole = optimiser.state_dict()["state"]
    (folder / str(distributed.get_rank())).write_text(json.dumps([seen, len(optimiser.state), list(whole)]))


def test_shares_are_of_one_size_whatever_the_order():
    sizes = [1, 2, 3, 4, 5, 6, 7, 8, 100, 64]
    owners = share_out(sizes, 2)
    held = [sum(size for size, owner in zip(sizes, owners, strict=True) if owner == each) for each in (0, 1)]
    assert held == [100, 100]
    assert share_out(sizes, 1) == [0] * 10
    assert share_out([7], 3) == [0]


def test_an_overflow_in_the_share_of_one_process_is_a_step_that_no_process_takes(tmp_path):
    # The exit code says nothing: gloo aborts now and then as a process ends (torch 2.13, a plain AdamW as well).
    work_on_two_processes(steps, tmp_path)
    taken, refused = [4.0, 0.899, 0.899, 0.899], [2.0, 0.899, 0.899, 0.899]
    found = [json.loads((tmp_path / rank).read_bytes()) for rank in "01"]
    assert found == [[[taken, refused], 1, [0, 1, 2]], [[taken, refused], 2, []]]
