"""What reads each kind of file, and an example of it: what `contents.mutated` mutates."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image

READERS = ("film.dcm", "crop.png", "crop.tif", "crop.jpg", "volume.mha", "volume.nii.gz", "reference.nii.gz",
           "sidecar.json", "grades.json", "readings.txt", "settings.toml", "run.json", "dataset.json", "index.csv",
           "shard.h5", "knees.csv", "knees.h5", "xrmri.json", "config.json", "weights.safetensors", "state.json",
           "optimiser.pt", "init.ckpt", "old.ckpt", "metrics.jsonl", "cohort.csv", "participants.tsv")  # fmt: skip


def reads(chain: Path) -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """Kind of file -> an example, and its reader, which is given a damaged copy."""
    import torch

    from xrmri.cohorts.bids import bids_table
    from xrmri.cohorts.manifest import read_manifest
    from xrmri.cohorts.readings import read_readings
    from xrmri.config import Generate
    from xrmri.data.features import feature_set, read_grades
    from xrmri.data.knees import open_knees
    from xrmri.data.radiograph import read_radiograph
    from xrmri.data.reference import read_reference
    from xrmri.data.store import open_dataset
    from xrmri.data.volume_file import read_volume_file
    from xrmri.formats.nifti import read_sidecar, read_volume
    from xrmri.models.bundle import load_bundle
    from xrmri.models.weights import read_tensors
    from xrmri.runs.record import read_record
    from xrmri.training.checkpoint import latest_checkpoint
    from xrmri.training.tracking import read_metrics

    film = next(chain.glob("oai/00m/0.E.1/*/*/*/001"))
    volume = next(chain.glob("volumes/*.nii.gz"))
    checkpoint = sorted(chain.glob("ldm/checkpoints/step-*"))[-1]

    def in_copy(folder: Path, name: str, read: Callable[[Path], object]) -> Callable[[Path], object]:
        """A reader of folders, one of whose files is replaced."""

        def of(file: Path) -> object:
            copy = file.parent / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(folder, copy)
            (copy / name).write_bytes(file.read_bytes())
            return read(copy)

        return of

    def pixels(folder: Path) -> object:
        dataset = open_dataset(folder)
        return [dataset.volume(pair) for pair in dataset.pairs()[:2]]

    def crops(folder: Path) -> object:
        return open_knees(folder).read(0)

    shard = next(chain.glob("dataset/pairs-*.h5")).name
    table = next(chain.glob("oai/X-Ray*/*/kxr_sq_bu00.txt"))
    grades = chain / "grades.json"
    grades.write_text('{"V00XRKL": 2, "V00XROSFM": 1, "V00XRJSM": null}')
    settings = chain / "settings.toml"
    settings.write_text("steps = 4\n[generate]\nnum_slices = 6\nguidance = 1.5\n")
    crop, others = next(chain.glob("knees/*.png")), chain / "others"
    others.mkdir(exist_ok=True)
    with Image.open(crop) as picture:
        picture.save(others / "crop.tif")
        Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).save(others / "crop.jpg")
    sitk.WriteImage(sitk.ReadImage(volume), others / "volume.mha", useCompression=True)
    weights = {"state_dict": {"weight": torch.arange(1200.0).reshape(40, 30), "bias": torch.ones(3)}, "epoch": 3}
    torch.save(weights, others / "init.ckpt")
    torch.save(weights, others / "old.ckpt", _use_new_zipfile_serialization=False)
    knees = [f"P{number},00m,left,film.png,mri.nii.gz,{number % 5},{50 + number},2{number}.5" for number in range(8)]
    (others / "cohort.csv").write_text("\n".join(["participant,visit,side,radiograph,mri,V00XRKL,age,bmi", *knees, ""]))
    bids = others / "bids"
    for person in ("sub-1", "sub-2"):
        (bids / person).mkdir(parents=True, exist_ok=True)
        (bids / person / f"{person}_side-left_T1w.nii.gz").touch()
    (bids / "participants.tsv").write_text("participant_id\tage\tsex\nsub-1\t50\tF\nsub-2\t61\tM\n")
    return {
        "film.dcm": (film, read_radiograph),
        "crop.png": (crop, read_radiograph),
        "crop.tif": (others / "crop.tif", read_radiograph),
        "crop.jpg": (others / "crop.jpg", read_radiograph),
        "volume.mha": (others / "volume.mha", lambda file: read_volume_file(file, "right", "coronal")),
        "volume.nii.gz": (volume, read_volume),
        "reference.nii.gz": (volume, read_reference),
        "sidecar.json": (volume.with_name(volume.name.replace(".nii.gz", ".json")), read_sidecar),
        "grades.json": (grades, lambda file: read_grades(file, feature_set("full"))),
        "readings.txt": (table, lambda file: read_readings([file])),
        "settings.toml": (settings, lambda file: Generate.load(file=file)),
        "run.json": (chain / "ldm" / "run.json", lambda file: read_record(file.parent)),
        "dataset.json": (
            chain / "dataset" / "dataset.json",
            in_copy(chain / "dataset", "dataset.json", open_dataset),
        ),
        "index.csv": (chain / "dataset" / "index.csv", in_copy(chain / "dataset", "index.csv", pixels)),
        "shard.h5": (chain / "dataset" / shard, in_copy(chain / "dataset", shard, pixels)),
        "knees.csv": (chain / "knees" / "knees.csv", in_copy(chain / "knees", "knees.csv", crops)),
        "knees.h5": (chain / "knees" / "knees.h5", in_copy(chain / "knees", "knees.h5", crops)),
        "xrmri.json": (chain / "ldm" / "xrmri.json", in_copy(chain / "ldm", "xrmri.json", load_bundle)),
        "config.json": (
            chain / "ldm" / "unet" / "config.json",
            in_copy(chain / "ldm", "unet/config.json", load_bundle),
        ),
        "weights.safetensors": (
            chain / "ldm" / "unet" / "diffusion_pytorch_model.safetensors",
            in_copy(chain / "ldm", "unet/diffusion_pytorch_model.safetensors", load_bundle),
        ),
        "state.json": (
            checkpoint / "state.json",
            in_copy(chain / "ldm", f"checkpoints/{checkpoint.name}/state.json", latest_checkpoint),
        ),
        "optimiser.pt": (
            checkpoint / "optimiser.pt",
            in_copy(chain / "ldm", f"checkpoints/{checkpoint.name}/optimiser.pt", latest_checkpoint),
        ),
        "init.ckpt": (others / "init.ckpt", lambda file: read_tensors(file, "--init")),
        "old.ckpt": (others / "old.ckpt", lambda file: read_tensors(file, "--init")),
        "metrics.jsonl": (chain / "ldm" / "metrics.jsonl", read_metrics),
        "cohort.csv": (others / "cohort.csv", read_manifest),
        "participants.tsv": (bids / "participants.tsv", in_copy(bids, "participants.tsv", bids_table)),
    }
