"""`python -m xrmri.pretrained.make LDM [DATASET]`: put a trained model into the package, its weights in 16 bits.

With the dataset it was trained on, sampler and noise along depth are fitted first where train-ldm has not done so.
"""

import sys
from pathlib import Path

import torch

from xrmri.data.store import open_dataset
from xrmri.generation.fit import add_fits
from xrmri.models.bundle import load_bundle, read_facts, save_bundle
from xrmri.pretrained import BUNDLED_LDM
from xrmri.run import require_finished


def make(ldm: Path, dataset: Path | None) -> None:
    """Copy the model that train-ldm finished in a folder to where `generate` finds it without --model."""
    require_finished(ldm, "train-ldm")
    if dataset and not {"sampler", "noise_length_mm"} <= read_facts(ldm).keys():
        add_fits(ldm, open_dataset(dataset))
    bundle = load_bundle(ldm)
    BUNDLED_LDM.mkdir(exist_ok=True)
    save_bundle(BUNDLED_LDM, bundle, card=(ldm / "README.md").read_text(encoding="utf-8"), dtype=torch.float16)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
