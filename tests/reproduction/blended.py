"""Volumes of which every second slice is the mean of its neighbours, for `make reproduce`: what a model must better.

    python -m tests.reproduction.blended VOLUMES BLENDED
"""

import sys
from dataclasses import replace
from pathlib import Path

from xrmri.formats.nifti import read_sidecar, read_volume, sidecar_file, write_volume
from xrmri.runs.seals import SEAL
from xrmri.storage.files import write_json

drawn, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
for file in sorted(drawn.glob("*.nii.gz")):
    volume = read_volume(file)
    voxels = volume.voxels.copy()
    inner = voxels[1:-1:2]
    inner[:] = ((voxels[0:-2:2].astype(float) + voxels[2::2]) / 2).round()
    write_volume(out / file.name, replace(volume, voxels=voxels), "xrmri synthetic; every second slice blended")
    told = {name: value for name, value in read_sidecar(file).items() if name not in (SEAL, "outputs")}
    write_json(sidecar_file(out / file.name), told)
