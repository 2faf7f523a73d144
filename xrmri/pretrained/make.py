"""`python -m xrmri.pretrained.make LDM [DATASET]`: put a trained model into the package, its weights in 16 bits.

With the dataset it was trained on, the length of the noise along depth is fitted first where train-ldm has not done so.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from xrmri.data.store import open_dataset
from xrmri.generation.noise_length import fitted_length_mm
from xrmri.models.bundle import load_bundle, save_bundle
from xrmri.run import require_finished

PLACE = Path(__file__).parent / "ldm"


def make(ldm: Path, dataset: Path | None) -> None:
    """Copy the model that train-ldm finished in a folder to where `generate` finds it without --model."""
    require_finished(ldm, "train-ldm")
    bundle = load_bundle(ldm)
    if dataset and "noise_length_mm" not in bundle.facts:
        length_mm = fitted_length_mm(ldm, open_dataset(dataset))
        bundle = replace(bundle, facts={**bundle.facts, "noise_length_mm": length_mm})
    PLACE.mkdir(exist_ok=True)
    save_bundle(PLACE, bundle, card=(ldm / "README.md").read_text(encoding="utf-8"), dtype=torch.float16)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
