"""A cheat's volumes, for `make ceiling`: those of a twin's dataset as NIfTI files, as generate would write them.

    python tests/twin_volumes.py TWIN DATASET VOLUMES
"""

import sys
from pathlib import Path

import numpy as np

from xrmri.data.store import open_dataset
from xrmri.formats.nifti import write_volume
from xrmri.records import RIGHT, Volume
from xrmri.storage.files import write_json

twin, acquired, out = open_dataset(Path(sys.argv[1])), open_dataset(Path(sys.argv[2])), Path(sys.argv[3])
out.mkdir(parents=True, exist_ok=True)
for pair_id in twin.pairs("test"):
    voxels = np.minimum(twin.volume(pair_id), np.iinfo(np.int16).max).astype(np.int16)
    # A generated volume lies where the acquired one lies; stored knees look right, and their affine says so.
    volume = Volume(voxels=voxels, geometry=acquired.geometry(pair_id), side=RIGHT)
    write_volume(out / f"{pair_id}.nii.gz", volume, "xrmri synthetic")
    write_json(out / f"{pair_id}.json", {"window": list(twin.window(pair_id))})
