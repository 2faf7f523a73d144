"""`python -m xrmri.pretrained.make LDM`: put a trained model into the package, its weights in 16 bits."""

import sys
from pathlib import Path

import torch

from xrmri.models.bundle import load_bundle, save_bundle
from xrmri.run import require_finished

PLACE = Path(__file__).parent / "ldm"


def make(ldm: Path) -> None:
    """Copy the model that train-ldm finished in a folder to where `generate` finds it without --model."""
    require_finished(ldm, "train-ldm")
    PLACE.mkdir(exist_ok=True)
    save_bundle(PLACE, load_bundle(ldm), card=(ldm / "README.md").read_text(encoding="utf-8"), dtype=torch.float16)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
