"""nothing -> a model of drawn knees, within minutes of one GPU: `python -m xrmri.stages.gpu_model -o OUT`.

It checks the device, draws a cohort on all cores, trains autoencoder, anchor and denoiser, writes the model in 16 bits
and judges it on people held out; people for the anchor are drawn while the autoencoder learns. It needs none of
SimpleITK, ultralytics, open_clip, typer and rich. What it works with lies in a folder beside OUT; the same command goes
on where it was stopped.
"""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

from xrmri.config import BuildDataset, Execution, Generate, TrainLdm, TrainVae
from xrmri.data.store import Dataset, open_dataset
from xrmri.errors import InputError
from xrmri.machine.parallel import beside
from xrmri.making.account import DatasetTold, DeviceTold, ModelTold, account, table
from xrmri.making.cohort import draw_cohort
from xrmri.making.people import CohortPlan
from xrmri.runs.ending import exit_code_of
from xrmri.storage.documents import read_json
from xrmri.storage.files import write_json, write_text

log = logging.getLogger(__name__)

_MOST_BYTES = 15_000_000
"""Of each file that is written."""
_FINE, _MANY, _JUDGED = 0.13, 0.46, 0.97
"""Shares of the minutes by which the people for denoiser and anchor are drawn, and judging is to end (computed, with
film and both FLASH at 3 to 4 core seconds a person, and 16 cores)."""
_VAE, _SHARPER, _ANCHOR, _DENOISER = 0.16, 0.12, 0.18, 0.18
"""Shares that each training takes; reading, encoding and fitting take the rest."""
_SHARPNESS = 0.004
"""Weight of the adversarial term that the autoencoder ends with: docs/training.md has where it comes from."""
_MOST_STEPS = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPlan:
    """What is drawn and trained."""

    fine: CohortPlan
    fine_dataset: BuildDataset
    many: CohortPlan
    many_dataset: BuildDataset
    vae: TrainVae
    sharper: TrainVae
    """How the autoencoder goes on from `vae`."""
    ldm: TrainLdm
    checked: TrainLdm
    """Whose step is timed."""
    generate: Generate
    product: int
    """Rows of the matrices whose product is timed."""


def plan_of(minutes: float, people: int) -> ModelPlan:
    """As much as a GPU with sixteen cores does in so many minutes."""
    fine = max(people // 8, 3)
    trained: dict[str, Any] = {"preset": "demo", "max_steps": _MOST_STEPS, "picture_steps": 0, "validate_steps": 500}
    # With an anchor nobody encodes a radiograph, and its exposures are what takes longest to load.
    vae = TrainVae.load(**trained, finish_minutes=_VAE * minutes, radiograph_share=0.0, crop=128)
    return ModelPlan(
        fine=CohortPlan(seed=40, count=fine, matrix=256, in_shard=8),
        fine_dataset=BuildDataset(shares=(0.8, 0.1, 0.1), frame="knee"),
        many=CohortPlan(seed=50, count=people - fine, matrix=128),
        many_dataset=BuildDataset(shares=(0.93, 0.07, 0.0), size=160, frame="knee"),
        vae=vae,
        sharper=replace(vae, adversarial_weight=_SHARPNESS, finish_minutes=_SHARPER * minutes, learning_rate=2e-4),
        ldm=TrainLdm.load(
            **trained,
            finish_minutes=_DENOISER * minutes,
            batch_size=32,
            ema_decay=0.999,
            anchor_batch_size=32,
            anchor_steps=_MOST_STEPS,
            anchor_finish_minutes=_ANCHOR * minutes,
        ),
        checked=TrainLdm(),
        generate=Generate(),
        product=8_192,
    )


def tiny_plan() -> ModelPlan:
    """Everything in seconds, for tests."""
    few = CohortPlan(seed=40, count=3, matrix=128, in_shard=1)
    dataset = BuildDataset(shares=(0.34, 0.33, 0.33), size=64, last_slice=19, frame="knee")
    ldm = TrainLdm.load(preset="tiny", anchor=True, anchor_steps=2, anchor_batch_size=2, covariates=True)
    return ModelPlan(
        fine=few,
        fine_dataset=dataset,
        many=replace(few, seed=50, count=2),
        many_dataset=replace(dataset, shares=(0.5, 0.5, 0.0)),
        vae=TrainVae.load(preset="tiny", max_steps=2),
        sharper=TrainVae.load(preset="tiny", max_steps=2, adversarial_weight=_SHARPNESS),
        ldm=replace(ldm, max_steps=2),
        checked=replace(ldm, batch_size=2),
        generate=Generate.load(preset="tiny"),
        product=64,
    )


def run(out: Path, work: Path, made: ModelPlan, *, minutes: float, device: str) -> dict[str, Any]:
    """Make a model and judge it.

    Args:
        out: folder of the result: table.md, table.json and the model in parts.
        work: folder of what is needed on the way.
        made: what is drawn and trained.
        minutes: within which all is done; a call that goes on has as many again.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        what table.json holds.

    Raises:
        InputError: `out` holds somebody's files.
    """
    began, execution = time.monotonic(), Execution(device=device)
    out.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    kept = work / "found.json"
    if not kept.is_file() and any(out.iterdir()):
        raise InputError(f"-o {out} is not empty and {work} has begun no model for it: give a new folder")
    found: dict[str, Any] = read_json(kept, advice="remove it") if kept.is_file() else {}

    def by(share: float) -> float:
        return began + 60 * minutes * share

    def part(name: str, work_of_it: Callable[[], DeviceTold | DatasetTold | ModelTold | Mapping[str, Any]]) -> None:
        started = time.monotonic()
        done, before = work_of_it(), found.get(name, {})
        told = done if isinstance(done, Mapping) else asdict(done)
        seconds = round(time.monotonic() - started + before.get("seconds", 0), 1)  # of all calls together
        found[name] = {**before, **told, "seconds": seconds}
        log.info("%s: %.0f s, %.0f s of %.0f", name, found[name]["seconds"], time.monotonic() - began, 60 * minutes)
        write_json(kept, found)
        write_json(out / "table.json", found)
        write_text(out / "table.md", account(found))

    dataset, cohort, vae, sharper, ldm = (work / name for name in ("dataset", "cohort", "vae", "sharper", "ldm"))
    with beside(partial(draw_cohort, dataset, made.fine, made.fine_dataset, execution, until=by(_FINE))):
        if "check" not in found:
            part("check", lambda: _checked(made, device))
    part("dataset", lambda: _counts(open_dataset(dataset)))
    from xrmri.stages import train_ldm, train_vae  # not at the top: processes that draw need no torch

    with beside(
        partial(draw_cohort, cohort, made.many, made.many_dataset, execution, until=by(_MANY), frame=dataset)
    ):
        part("vae", lambda: train_vae.run(dataset, vae, made.vae, execution))
        part("sharper", lambda: train_vae.run(dataset, sharper, made.sharper, execution, init=vae))
    part("cohort", lambda: _counts(open_dataset(cohort)))
    part("ldm", lambda: train_ldm.run(dataset, sharper, ldm, made.ldm, execution=execution, anchor_dataset=cohort))
    part("model", lambda: _written(ldm, work / "in-16-bits", out))
    part("judged", lambda: _judged(dataset, ldm, made.generate, device, until=by(_JUDGED)))
    return found


def _checked(made: ModelPlan, name: str) -> DeviceTold:
    import torch

    from xrmri.machine.device import find_device
    from xrmri.making.device_check import agreement, speed

    device = find_device(name)
    findings = agreement(device, made.ldm, made.vae, pixels=8)
    findings += speed(device, made.checked, pixels=32 if device.type == "cuda" else 8, product=made.product)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    called = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return DeviceTold(device=called, torch=str(torch.__version__), findings=tuple(findings), table=table(findings))


def _counts(data: Dataset) -> DatasetTold:
    return DatasetTold(people=int(data.index["participant"].nunique()), knees=len(data))


def _written(ldm: Path, smaller: Path, out: Path) -> ModelTold:
    """Write the model in 16 bits, in parts."""
    import torch

    from xrmri.facts.folders import FAMILIAR, TEMPLATE
    from xrmri.making.parcel import pack
    from xrmri.models.bundle import load_bundle, save_bundle
    from xrmri.storage.files import copy_file

    smaller.mkdir(exist_ok=True)
    model = load_bundle(ldm)
    for name in (TEMPLATE, FAMILIAR):
        copy_file(ldm / name, smaller / name)
    save_bundle(smaller, model, card=(ldm / "README.md").read_text(encoding="utf-8"), dtype=torch.float16)
    parts = pack(smaller, out, _MOST_BYTES)
    r2 = model.facts.anchor.r2 if model.facts.anchor else None
    return ModelTold(
        files=tuple(part.name for part in parts),
        bytes=sum(part.stat().st_size for part in parts),
        anchor_r2=r2,
        validation_loss=model.facts.validation_loss,
    )


def _judged(dataset: Path, ldm: Path, config: Generate, device: str, *, until: float) -> dict[str, Any]:
    from xrmri.data.slices import seen_knee
    from xrmri.generation.machine import draw_volume
    from xrmri.generation.mean import expected_volume
    from xrmri.generation.model import find_model
    from xrmri.generation.sampling import resolved
    from xrmri.machine.device import find_device
    from xrmri.machine.precision import fastest_precision
    from xrmri.making.judging import judged
    from xrmri.models.bundle import in_precision, load_bundle

    data, described, model = open_dataset(dataset), find_model(ldm), load_bundle(ldm, find_device(device))
    in_precision(model, fastest_precision(model.device))
    anchor, facts = model.anchor, model.facts
    assert anchor is not None
    length_mm = described.noise_length_mm
    settings = resolved(replace(config, num_slices=facts.slices, noise_length_mm=length_mm), facts)

    def draw(pair_id: str) -> dict[str, Any]:
        seen = seen_knee(data, pair_id, described.view)
        return {
            "expected volume": expected_volume(anchor, facts, seen, slices=facts.slices).volumes[0],
            "one sample": draw_volume(model, seen, settings, stream=crc32(pair_id.encode())),
        }

    return judged(data, draw, until=until, workers=0)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m xrmri.stages.gpu_model", description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the result, eight files at most")
    parser.add_argument("--work", type=Path, help="folder of what is needed on the way (default OUT-work)")
    parser.add_argument("--minutes", type=float, default=8.0, help="all is done within them (default 8)")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu (default cuda)")
    parser.add_argument("--people", type=int, default=2_400, help="drawn at most (default 2400)")
    parser.add_argument("--tiny", action="store_true", help="everything in seconds, for tests")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    work = given.work or given.out.with_name(f"{given.out.name}-work")
    made = tiny_plan() if given.tiny else plan_of(given.minutes, given.people)
    return exit_code_of(partial(run, given.out, work, made, minutes=given.minutes, device=given.device))


if __name__ == "__main__":
    sys.exit(main())
