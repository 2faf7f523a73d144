"""A small dataset of smooth blobs, written through the store itself."""

import numpy as np

from tests.made_facts import record_dataset
from xrmri.config import BuildDataset
from xrmri.data.store import StoredPair, new_shard, write_index
from xrmri.runs.folder import begin

SHARD = "pairs-00000-of-00001.h5"


def make_dataset(folder, *, pairs=8, slices=6, size=32, seed=0):
    """A finished dataset folder: three quarters of the pairs train, the others val, and one test."""
    numbers = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    splits = ["train"] * (pairs * 3 // 4) + ["val"] * (pairs - pairs * 3 // 4 - 1) + ["test"]
    index = []
    with begin(folder, BuildDataset(size=size), {}):
        with new_shard(folder / SHARD, slices=slices, size=size, features="full", synthetic=True) as shard:
            for number, split in enumerate(splits):
                centre = 0.3 + 0.4 * numbers.random(2)
                blob = np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / 0.05)
                mri = np.stack([800 * blob * (0.4 + 0.6 * depth / slices) for depth in range(slices)])
                pair = StoredPair(
                    pair_id=f"{number}",
                    mri=mri.astype(np.uint16),
                    radiograph=(65535 * blob).astype(np.uint16),
                    grades={"V00XRKL": number % 5},
                    affine=np.eye(4),
                    window=(0.0, 700.0),
                )
                row = shard.append(pair)
                index.append({"pair_id": f"{number}", "participant": f"p{number}", "visit": "00", "side": "right",
                              "split": split, "shard": SHARD, "row": row, "kl": number % 5})  # fmt: skip
        write_index(folder / "index.csv", index)
        record_dataset(folder, slices=slices, size=size)
    return folder
