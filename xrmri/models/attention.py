"""Attention as this U-Net needs it: to a context of one token, and among the places of a map, fast on a CPU in bf16.

Shapes: B slices, L places, C channels, W context width, N heads of all slices together, D channels of a head.
"""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import scaled_dot_product_attention

from xrmri.models.from_diffusers import Attention, UNet2DConditionModel

_SCORES = 2**21
"""Scores at once: two heads of 32 x 32 places. More do not fit the cache of a core (measured)."""
_STEEPEST = 2.0**13
"""Scores may be this large: bf16 rounds them by at most 32, whose exponential it holds. The bundled model's are at most
28 (measured)."""


class OneToken:
    """Attention to a context of one token: softmax over one is 1, so whatever is asked, the answer is its value."""

    def __call__(self, attn: Attention, hidden_states: Tensor, encoder_hidden_states: Tensor, **options: Any) -> Tensor:
        """What attention adds to each of L places: (B, L, C) from places (B, L, C) and context (B, 1, W)."""
        answer = attn.to_out[0](attn.to_v(encoder_hidden_states))
        return answer.expand(-1, hidden_states.shape[1], -1)


class Places:
    """Attention of the places of a map to one another."""

    def __call__(
        self, attn: Attention, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **options: Any
    ) -> Tensor:
        """What attention adds to each of L places: (B, L, C) from places (B, L, C)."""
        q, k, v = (
            ask(hidden_states).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for ask in (attn.to_q, attn.to_k, attn.to_v)
        )
        return attn.to_out[0](attend(q, k, v).transpose(1, 2).flatten(2))


def attend_fast(unet: UNet2DConditionModel) -> None:
    """Give a U-Net of diffusers the attention of this module: the same function, and the same weights by name.

    What asks the one token anything has no part in the answer, and its gradient is zero: it is left as it is, and
    training neither computes nor keeps anything for it.
    """
    unet.set_attn_processor(
        {name: OneToken() if name.endswith("attn2.processor") else Places() for name in unet.attn_processors}
    )
    for name, module in unet.named_modules():
        if name.endswith(("attn2.to_q", "attn2.to_k", "norm2")) and ".transformer_blocks." in name:
            module.requires_grad_(False)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q k' / sqrt(D)) v for each head.

    Args:
        q: (B, heads, L, D).
        k: likewise.
        v: likewise.

    Returns:
        (B, heads, L, D): on a CPU in bf16 with a relative error of 0.3 to 0.5 %, the library's has 0.2 % (measured).
    """
    if q.device.type != "cpu" or q.dtype != torch.bfloat16 or q.shape[-2] ** 2 > _SCORES:
        return scaled_dot_product_attention(q, k, v)
    with torch.no_grad():  # no score is larger, of either sign
        bound = q.norm(dim=-1, keepdim=True) * k.norm(dim=-1).amax(-1)[..., None, None] * (1.01 * q.shape[-1] ** -0.5)
    if bound.amax() > _STEEPEST:
        return scaled_dot_product_attention(q, k, v)
    o: Tensor = _Blocks.apply(  # type: ignore[no-untyped-call]
        *(heads.flatten(0, 1) for heads in (q, k, v, bound))
    )
    return o.unflatten(0, q.shape[:2])


class _Blocks(Function):
    """Attention in bf16, some heads at a time, with all that is large computed by matrix products.

    The library multiplies and exponentiates in fp32, which on a CPU takes 20 % of the time of the paper's U-Net for 4 %
    of its operations. Here scores are rounded to bf16, but first measured from the highest of their row: those that
    weigh are near 0, and lose little. Scores are computed twice to know the highest; a further column of q and k
    subtracts it, and a further column of v adds up what softmax divides by.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bound: Tensor) -> Tensor:
        """(N, L, D) from (N, L, D) each, in bf16; and from (N, L, 1), which no score of a row exceeds."""
        # By a power of two bf16 is scaled without rounding; the products do the rest.
        factor, power = math.frexp(q.shape[-1] ** -0.5)
        # Measured from minus the bound, scores are positive: the bits of bf16 are then in the order of the numbers.
        q, k, v = torch.cat([q * 2.0**power, bound / factor], dim=-1), _with_one(k), _with_one(v)
        o = torch.empty_like(v)
        for block, scores in _blocks(q):
            multiply = partial(torch.baddbmm, scores, q[block], k[block].mT, beta=0, alpha=factor, out=scores)
            highest = multiply().view(torch.int16).amax(-1).view(torch.bfloat16)
            q[block, :, -1] -= highest / factor
            torch.bmm(multiply().exp_(), v[block], out=o[block])
        o, total = o[..., :-1] / o[..., -1:], o[..., -1:]
        ctx.save_for_backward(q, k, v, o, total)
        return o

    @staticmethod
    def backward(ctx: Any, d_o: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of q, k and v, (N, L, D) each."""
        q, k, v, o, total = ctx.saved_tensors
        scale = o.shape[-1] ** -0.5
        factor, _ = math.frexp(scale)
        d_o = d_o / total
        # d score = weight (d_o v' - sum(d_o o)): the last columns of d_o and v subtract the sum.
        d_o = torch.cat([d_o, -(d_o * o).sum(-1, keepdim=True)], dim=-1)
        d_q, d_k, d_v = (torch.empty_like(q) for _ in range(3))
        for block, scores in _blocks(q):
            weights = torch.baddbmm(scores, q[block], k[block].mT, beta=0, alpha=factor, out=scores).exp_()
            torch.bmm(weights.mT, d_o[block], out=d_v[block])
            weights *= torch.bmm(d_o[block], v[block].mT)
            torch.bmm(weights, k[block], out=d_q[block])
            torch.bmm(weights.mT, q[block], out=d_k[block])
        return d_q[..., :-1] * scale, d_k[..., :-1] * factor, d_v[..., :-1], None


def _with_one(heads: Tensor) -> Tensor:
    """(N, L, D + 1): a last column of ones."""
    return torch.cat([heads, torch.ones_like(heads[..., :1])], dim=-1)


def _blocks(q: Tensor) -> list[tuple[slice, Tensor]]:
    """The heads in blocks, each with room for its scores: (heads, L, L)."""
    size = min(len(q), _SCORES // q.shape[1] ** 2)
    room = q.new_empty(size, q.shape[1], q.shape[1])
    starts = range(0, len(q), size)
    return [(slice(start, start + size), room[: len(q) - start]) for start in starts]
