"""Train the knee detector from nothing on films made here; the same command goes on where it stopped.

python -m xrmri.teaching.train --out work/detector --joints FOLDER
"""

import argparse
import logging
import math
import os
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from xrmri.detector import network as yolo
from xrmri.detector.detect import load_detector
from xrmri.detector.fibula import build as fibula_classifier
from xrmri.errors import InputError
from xrmri.runs.ending import exit_code_of
from xrmri.storage.files import complete_or_absent
from xrmri.teaching.card import save_detector
from xrmri.teaching.evaluation import held_out_films, judge
from xrmri.teaching.fibula_training import learn_fibula
from xrmri.teaching.films import Material, Recipe, draw_film, network_example
from xrmri.teaching.plates import read_joints, render_plates

log = logging.getLogger(__name__)

_TRAIN_COHORT, _TEST_COHORT = 8_000_001, 8_000_002  # phantom seeds that no release is likely to have
_CLIP_NORM = 10.0
_TEST_FILMS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Teaching:
    """Settings of the detector's training."""

    films: int = 100_000
    """Films seen; none is seen twice. Drawing one takes 10 core ms and learning from it 7 (measured)."""
    batch_size: int = 16
    learning_rate: float = 2e-3
    """Peak of AdamW, after a linear warm-up and before a cosine to a hundredth."""
    warmup: int = 60
    """Steps."""
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    """Of the averaged weights, which are kept; warms up as (1 + n) / (10 + n)."""
    size: int = 256
    """Rows and columns of the network's input."""
    plates: int = 160
    """Phantom participants the films are made from."""
    fibula_steps: int = 1200
    """Of the fibula's classifier, 32 crops each; taught before the detector, from nothing, in a minute (measured)."""
    test_plates: int = 24
    init: str = ""
    """Folder of a detector whose weights it begins with; "": from nothing."""
    seed: int = 0

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return math.ceil(self.films / self.batch_size)


class _Films(Dataset[Any]):
    """Training films by number."""

    def __init__(self, material: Material, training: Teaching, first: int) -> None:
        self.material, self.training, self.first = material, training, first

    def __len__(self) -> int:
        return self.training.steps * self.training.batch_size - self.first

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        film = draw_film(self.material, Recipe(), seed=self.training.seed, index=self.first + index)
        return network_example(film, self.training.size)


@dataclass(kw_only=True, slots=True)
class _State:
    """All that a training needs to go on."""

    training: Teaching
    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0

    def save(self, file: Path) -> None:
        """Write the checkpoint, complete or absent."""
        parts = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimiser")}
        with complete_or_absent(file) as partial:
            torch.save(parts | {"step": self.step, "training": asdict(self.training)}, partial)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint of the same training; InputError for another."""
        saved = torch.load(file, weights_only=True)
        for name, value in asdict(self.training).items():
            if saved["training"][name] != value:
                raise InputError(
                    f"{file} is of another training ({name} was {saved['training'][name]}, now {value}): "
                    "give another --out"
                )
        for name in ("network", "average", "optimiser"):
            getattr(self, name).load_state_dict(saved[name])
        self.step = saved["step"]


def _begin(training: Teaching, checkpoint: Path) -> _State:
    """A new state, or the one that was saved."""
    torch.manual_seed(training.seed)
    network: Any = yolo.build(yolo.ARCHITECTURE)
    network.to(memory_format=torch.channels_last)
    if training.init and not checkpoint.is_file():
        network.load_state_dict(load_detector(Path(training.init)).network.state_dict())
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, betas=(0.9, 0.99)
    )
    average = deepcopy(network).requires_grad_(False)
    state = _State(training=training, network=network, average=average, optimiser=optimiser)
    if checkpoint.is_file():
        state.load(checkpoint)
        log.info("going on after %d of %d steps", state.step, training.steps)
    return state


def _learning_rate(training: Teaching, step: int) -> float:
    """The learning rate of a step."""
    rise = min((step + 1) / training.warmup, 1.0)
    fall = 0.505 + 0.495 * math.cos(math.pi * min(step / training.steps, 1.0))
    return training.learning_rate * rise * fall


def _batches(material: Material, training: Teaching, step: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Images, boxes and owners of the steps that are left."""

    def together(examples: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor, Tensor]:
        images = torch.from_numpy(np.stack([image for image, _ in examples])[:, None])
        boxes = torch.from_numpy(np.concatenate([boxes for _, boxes in examples]))
        owners = np.repeat(np.arange(len(examples)), [len(boxes) for _, boxes in examples])
        return images, boxes, torch.from_numpy(owners.astype(np.float32))

    films = _Films(material, training, step * training.batch_size)
    return iter(DataLoader(films, batch_size=training.batch_size, num_workers=1, collate_fn=together))


def _step(state: _State, training: Teaching, batch: tuple[Tensor, Tensor, Tensor]) -> float:
    """One optimiser step; its loss per film."""
    state.network.train()
    loss = yolo.training_loss(state.network, *batch)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), _CLIP_NORM)
    for group in state.optimiser.param_groups:
        group["lr"] = _learning_rate(training, state.step)
    state.optimiser.step()
    state.step += 1
    decay = min(training.ema_decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        now = state.network.state_dict()
        for name, value in state.average.state_dict().items():
            value.lerp_(now[name], 1 - decay) if value.is_floating_point() else value.copy_(now[name])
    return float(loss.detach())


def _material(out: Path, joints: Path | None, training: Teaching, workers: int) -> tuple[Material, Material]:
    """What films are made of: to train on, and to judge on (every fifth participant of the real joints)."""
    plates = render_plates(out / "plates", seed=_TRAIN_COHORT, count=training.plates, workers=workers)
    test_plates = render_plates(out / "plates", seed=_TEST_COHORT, count=training.test_plates, workers=workers)
    real = read_joints(joints) if joints else []
    people = sorted({joint.participant for joint in real})[::5]
    return (
        Material(plates=tuple(plates), joints=tuple(j for j in real if j.participant not in people)),
        Material(plates=tuple(test_plates), joints=tuple(j for j in real if j.participant in people)),
    )


def _fibula(file: Path, material: Material, training: Teaching) -> nn.Module:
    """The classifier of the fibula's side, taught once and kept beside the checkpoint."""
    if file.is_file():
        network = fibula_classifier()
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval()
    network = learn_fibula(material, seed=training.seed, steps=training.fibula_steps)
    with complete_or_absent(file) as partial:
        torch.save(network.state_dict(), partial)
    return network


def train(out: Path, training: Teaching, *, joints: Path | None, workers: int, save_minutes: float) -> None:
    """Train, judge and save a detector.

    Args:
        out: the detector's files, and the plates and checkpoint under it.
        training: settings.
        joints: folder of real joint crops, or None.
        workers: processes that render plates.
        save_minutes: between checkpoints; each also writes a detector that can be used.
    """
    out.mkdir(parents=True, exist_ok=True)
    seen, unseen = _material(out, joints, training, workers)
    fibula = _fibula(out / f"fibula-{training.seed}-{training.fibula_steps}.pt", seen, training)
    state = _begin(training, out / "checkpoint.pt")
    saved = shown = time.monotonic()
    losses: list[float] = []
    for batch in _batches(seen, training, state.step) if state.step < training.steps else ():
        losses.append(_step(state, training, batch))
        if time.monotonic() - shown > 20:
            log.info("step %d of %d, loss %.3f", state.step, training.steps, np.mean(losses))
            shown, losses = time.monotonic(), []
        if time.monotonic() - saved > 60 * save_minutes or state.step == training.steps:
            state.save(out / "checkpoint.pt")
            save_detector(
                out,
                state.average,
                fibula,
                training.size,
                settings=asdict(training),
                figures={},
                real_joints=bool(joints),
            )
            saved = time.monotonic()
    detector = load_detector(out)
    films = held_out_films(unseen, seed=training.seed + 1, count=_TEST_FILMS)
    figures = {name: judge(detector, some) for name, some in films.items()}
    save_detector(
        out, state.average, fibula, training.size, settings=asdict(training), figures=figures, real_joints=bool(joints)
    )
    for name, values in figures.items():
        log.info("%s: %s", name, values)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m xrmri.teaching.train", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the detector; training goes on in it")
    parser.add_argument("--joints", type=Path, help="folder of real joint crops named like 9000001R.png")
    parser.add_argument("--init", default="", help="folder of a detector to begin with; default: from nothing")
    parser.add_argument("--films", type=int, default=Teaching().films, help="films to train on")
    parser.add_argument("--plates", type=int, default=Teaching().plates, help="phantom participants to make them from")
    parser.add_argument("--size", type=int, default=Teaching().size, help="rows and columns of the network's input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that render plates")
    parser.add_argument("--save-minutes", type=float, default=3.0, help="minutes between checkpoints")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    training = Teaching(films=given.films, plates=given.plates, size=given.size, seed=given.seed, init=given.init)

    def teach() -> None:
        if given.joints and not given.joints.is_dir():
            raise InputError(f"--joints {given.joints} is not a folder")
        train(given.out, training, joints=given.joints, workers=given.workers, save_minutes=given.save_minutes)

    return exit_code_of(teach)


if __name__ == "__main__":
    sys.exit(main())
