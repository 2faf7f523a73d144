"""Cross-attention where the context is one token, as it is here: softmax over one is 1.

Shapes: B slices, L places, C channels, W context width.
"""

from typing import Any

from diffusers.models import UNet2DConditionModel
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from torch import Tensor


class OneToken(AttnProcessor2_0):
    """Attention to a context of one token: whatever is asked, the answer is that token's value.

    Exact, and it saves asking. For drawing only: what is not asked does not learn.
    """

    def __call__(self, attn: Attention, hidden_states: Tensor, encoder_hidden_states: Tensor, **options: Any) -> Tensor:
        """What attention adds to each of L places: (B, L, C) from places (B, L, C) and context (B, 1, W)."""
        if encoder_hidden_states.shape[1] != 1:
            return super().__call__(attn, hidden_states, encoder_hidden_states, **options)
        answer = attn.to_out[0](attn.to_v(encoder_hidden_states))
        return answer.expand(-1, hidden_states.shape[1], -1)


def attend_to_one_token(unet: UNet2DConditionModel) -> None:
    """Let cross-attention know that the context is one token."""
    own = unet.attn_processors
    unet.set_attn_processor(
        {name: OneToken() if name.endswith("attn2.processor") else own[name] for name in own},
    )
