"""Model folders whose config.json asks for another network, each made from the bundled model."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from xrmri.runs.seals import sealed

WRONG_CONFIGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "another epsilon": ("unet", {"norm_eps": 10}, "norm_eps must be 1e-05, not 10"),
    "another activation": ("vae", {"act_fn": "mish"}, 'act_fn must be "silu", not "mish"'),
    "another class": ("vae", {"_class_name": "VQModel"}, '_class_name must be "AutoencoderKL", not "VQModel"'),
    "an unknown name": ("unet", {"callback": "os.system"}, "'callback' is unknown"),
    "10,000 layers": ("vae", {"layers_per_block": 10_000}, "layers_per_block must be 1 to 8, not 10000"),
    "wide layers": ("unet", {"block_out_channels": [10**5] * 3}, "block_out_channels[0] must be 1 to 4096, not 100000"),
    "no layers": ("vae", {"block_out_channels": []}, "block_out_channels must hold 1 to 8 numbers, not 0"),
    "many layers": ("unet", {"block_out_channels": [64] * 99}, "block_out_channels must hold 1 to 8 numbers, not 99"),
    "a text": ("unet", {"cross_attention_dim": "x"}, 'cross_attention_dim must be a whole number, not "x"'),
    "groups that do not divide": ("vae", {"norm_num_groups": 5}, "norm_num_groups must divide every number in"),
    "heads that do not divide": ("unet", {"attention_head_dim": 5}, "attention_head_dim must divide every number in"),
    "another kind of block": ("unet", {"down_block_types": ["SimpleDownBlock2D"] * 3}, "down_block_types[0] must be"),
    "other blocks on the way up": ("vae", {"up_block_types": ["AttnUpDecoderBlock2D"] * 4}, "up_block_types must be ["),
}  # fmt: skip
"""Kind -> which network, what is changed, and what is said of it."""


def copied_model(bundled: Path, folder: Path) -> Path:
    """A model folder to damage."""
    shutil.copytree(bundled, folder)
    return folder


def change_json(file: Path, changes: dict[str, Any]) -> None:
    """Edit a document as a person does."""
    content = json.loads(file.read_bytes())
    file.write_text(json.dumps(content | changes))


def flip_a_bit(file: Path, place: float = 0.9) -> None:
    """Damage one bit, at a share of the length."""
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


def record_model_again(folder: Path, **changes: Any) -> None:
    """Write the hashes of the files as they are into xrmri.json, and seal it, as a stranger does who knows how."""
    content = json.loads((folder / "xrmri.json").read_bytes()) | changes
    content["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in content["files"]}
    (folder / "xrmri.json").write_text(json.dumps(sealed(content)))
