"""A small made-up cohort: knees whose joints lie at levels of their own, as a dataset and as volumes."""

import numpy as np
from scipy.ndimage import gaussian_filter

from tests.made_facts import record_dataset
from xrmri.data.store import StoredPair, new_shard, write_index
from xrmri.formats.nifti import write_volume
from xrmri.geometry import Geometry
from xrmri.records import Volume
from xrmri.storage.files import write_json

SLICES, SIZE = 6, 64
SPACING_MM = (14.7, 2.5, 2.5)
TEST, TRAIN = range(7), range(7, 15)


def anatomy(number):
    """A knee of its own: (6, 64, 64) uint16 in 0 to 1000, bones dark, cartilage bright, at a level of its own."""
    generator = np.random.default_rng(number)
    level, thickness = 20 + number * 7 % 15, generator.integers(3, 6)
    knee = np.full((SLICES, SIZE, SIZE), 0.12)
    knee[:, :, :6] = knee[:, :, -6:] = 0.5
    knee[1:5, level : level + thickness, 14:-14] = 0.95
    knee += 0.3 * gaussian_filter(generator.normal(0, 1, knee.shape), (1, 4, 4)) / 0.1 * 0.1
    return np.rint(np.clip(knee, 0, 1) * 1000).astype(np.uint16)


def side(number):
    return "left" if number % 3 == 0 else "right"


def pair_id(number):
    return f"{9000000 + number}_V00_{side(number)[0].upper()}"


def stored_affine(number):
    """Of the stored array: a left knee is mirrored to look right, and its affine says so."""
    geometry = Geometry.centred("coronal", (SLICES, SIZE, SIZE), SPACING_MM)
    geometry.affine[:3, 3] += [5, -7, 11]
    return (geometry.flipped(2) if side(number) == "left" else geometry).affine


def write_cohort(folder, volume_of=anatomy, numbers=(*TEST, *TRAIN)):
    """A dataset folder of some of the knees; `volume_of` gives the volume of each, the rest is always the same."""
    folder.mkdir(parents=True)
    shard = "pairs-00000-of-00001.h5"
    rows = []
    with new_shard(folder / shard, slices=SLICES, size=SIZE, features="full") as writer:
        for number in numbers:
            radiograph = np.random.default_rng(number).integers(0, 65536, (SIZE, SIZE)).astype(np.uint16)
            row = writer.append(
                StoredPair(
                    pair_id=pair_id(number),
                    mri=volume_of(number),
                    radiograph=radiograph,
                    grades={"XRKL": number % 5},
                    affine=stored_affine(number),
                    window=(0.0, 1000.0),
                )
            )
            split = "test" if number in TEST else "train"
            rows.append(
                {
                    "pair_id": pair_id(number),
                    "participant": str(9000000 + number),
                    "visit": "V00",
                    "side": side(number),
                    "split": split,
                    "shard": shard,
                    "row": row,
                    "kl": number % 5,
                }
            )
    write_index(folder / "index.csv", rows)
    record_dataset(folder, slices=SLICES, size=SIZE)
    return folder


def generate(folder, number, voxels, *, slices=SLICES, window=(0, 2000), shift_mm=0.0, name=None):
    """Write a volume as generate does: a left knee mirrored back, in intensities of its own window."""
    affine = stored_affine(number)
    affine[:3, 0] *= (SLICES - 1) / (slices - 1)
    affine[0, 3] += shift_mm
    geometry = Geometry(affine=affine, shape=voxels.shape)
    if side(number) == "left":
        voxels, geometry = voxels[..., ::-1], geometry.flipped(2)
    scaled = voxels if voxels.dtype.kind == "f" else np.rint(voxels / 1000 * window[1]).astype(np.int16)
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / f"{name or pair_id(number)}.nii.gz"
    write_volume(file, Volume(voxels=scaled, geometry=geometry, side=side(number)), "xrmri synthetic")
    write_json(file.with_name(file.name.replace(".nii.gz", ".json")), {"window": window, "side": side(number)})
    return file


def blurred(number, seed=0):
    noise = np.random.default_rng(seed + number).normal(0, 5, (SLICES, SIZE, SIZE))
    return np.clip(gaussian_filter(anatomy(number).astype(float), (0, 0.7, 0.7)) + noise, 0, 1000).astype(np.uint16)
