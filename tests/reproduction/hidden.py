"""The regression of the same first author's second paper (arXiv 2503.13555), rebuilt as a rival for `make reproduce`.

    python -m tests.reproduction.hidden DATASET --preset P --config TOML [--learning-rate R] [--seed N] -o MODEL
    python -m tests.reproduction.hidden DATASET --preset P --config TOML --draw MODEL --like VOLUMES -o DRAWN

The hidden variables of an autoencoder of films, h = e(y), feed a generator of the whole volume, g(h). First e and its
decoder learn to give films back, then g learns the volumes while e stays as it is; both by squared error, with as many
steps, knees a step and learning rates as the others have slices. The paper's sizes are not known here: these are ours.
DRAWN lies where VOLUMES of any model lie.

Shapes: B knees, P x P pixels, a multiple of 16, D depths.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from xrmri.config import Execution, TrainLdm
from xrmri.data.slices import Shuffle, radiograph_image, training_view
from xrmri.data.store import Dataset, open_dataset
from xrmri.data.volume import to_unit
from xrmri.evenly import evenly
from xrmri.formats.nifti import read_sidecar, read_volume, sidecar_file, write_volume
from xrmri.models.condition import at_depths
from xrmri.records import LEFT
from xrmri.runs.ending import exit_code_of
from xrmri.runs.folder import fingerprint
from xrmri.runs.seals import SEAL
from xrmri.storage.files import write_json
from xrmri.training.accelerator import prepare_device
from xrmri.training.loop import Task, Trainer
from xrmri.training.opening import open_run

WIDTHS = (32, 64, 96, 128)
"""Channels of the encoder, each level half as fine; the last are the hidden variables."""
GENERATOR = (256, 128, 64, 32)
KEPT_BYTES = 2_000_000_000
"""Of volumes in memory."""
VALIDATED, WEIGHTS = 32, "hidden.safetensors"


class FilmAutoencoder(nn.Module):
    """y (B, 1, P, P) in [-1, 1] -> h (B, 128, P/16, P/16) -> y."""

    def __init__(self) -> None:
        super().__init__()
        pairs = list(zip((1, *WIDTHS), WIDTHS, strict=False))
        self.encode = nn.Sequential(*(_halving(before, width) for before, width in pairs))
        self.decode = nn.Sequential(*(_doubling(width, before) for before, width in pairs[:0:-1]), _last(WIDTHS[0], 1))

    def forward(self, y: Tensor) -> Tensor:
        given_back: Tensor = self.decode(self.encode(y))
        return given_back


class HiddenRegression(nn.Module):
    """y (B, 1, P, P) -> volumes (B, D, P, P) in [-1, 1], from hidden variables that no longer change."""

    def __init__(self, films: FilmAutoencoder, depths: int) -> None:
        super().__init__()
        self.encode = films.encode.requires_grad_(False)
        widths = (WIDTHS[-1], *GENERATOR)
        doublings = (_doubling(before, width) for before, width in zip(widths, GENERATOR[:-1], strict=False))
        self.generate = nn.Sequential(*doublings, _last(GENERATOR[-2], depths, GENERATOR[-1]))

    def forward(self, y: Tensor) -> Tensor:
        with torch.no_grad():
            hidden = self.encode(y)
        volume: Tensor = self.generate(hidden)
        return volume


def _halving(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU())


def _doubling(before: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(before, width, 4, 2, 1), nn.GroupNorm(8, width), nn.SiLU())


def _last(before: int, channels: int, width: int = 32) -> nn.Sequential:
    return nn.Sequential(_doubling(before, width), nn.Conv2d(width, channels, 3, padding=1))


class Knees:
    """Films and volumes of one split."""

    def __init__(self, data: Dataset, split: str, config: TrainLdm) -> None:
        self.data, self.config, self.pairs = data, config, data.pairs(split)
        self.view = training_view(data, config.radiograph_grid)
        self.order = Shuffle(count=len(self.pairs), seed=config.seed)
        bytes_each = 2 * data.facts.slices * data.facts.size**2
        self.kept = lru_cache(maxsize=KEPT_BYTES // bytes_each)(self.read)

    def film(self, pair_id: str, variant: int = 0) -> Tensor:
        return radiograph_image(self.data, pair_id, self.view, variant=variant, seed=self.config.seed)[None]

    def volume(self, pair_id: str) -> Tensor:
        return self.kept(pair_id).float()

    def read(self, pair_id: str) -> Tensor:
        return torch.from_numpy(to_unit(self.data.volume(pair_id), self.data.window(pair_id))).half()

    def films(self, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Films in the exposures that the other methods see, and what is to come of them: the same."""
        y = torch.stack([self.film(self.at(place), place % self.config.radiograph_variants) for place in positions])
        return y, y

    def knees(self, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The same films, and what is to come of them: volumes."""
        return self.films(positions)[0], torch.stack([self.volume(self.at(place)) for place in positions])

    def at(self, position: int) -> str:
        return self.pairs[self.order.at(position)]


def missed(network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared error."""
    y, wanted = batch
    return (network(y).float() - wanted).square().mean()


def validate(network: nn.Module, knees: Knees, *, volumes: bool) -> dict[str, float]:
    """The same of knees held out, each film as it is."""
    device = next(network.parameters()).device
    losses = []
    with torch.no_grad():
        for pair_id in evenly(knees.pairs, VALIDATED):
            y = knees.film(pair_id)[None].to(device)
            wanted = knees.volume(pair_id)[None].to(device) if volumes else y
            losses.append(float(missed(network, (y, wanted))))
    return {"validation_loss": float(np.mean(losses))}


def train(given: argparse.Namespace) -> None:
    """Both trainings, in one run folder that resumes as any does."""
    options = {"learning_rate": given.learning_rate, "seed": given.seed}
    config = TrainLdm.load(preset=given.preset, file=given.config, **options)
    data, execution = open_dataset(given.dataset), Execution(device=given.device)
    accelerator = prepare_device(execution.device, config)
    inputs = {"dataset": fingerprint(given.dataset)}
    opened = open_run(accelerator, given.out, config, inputs, execution=execution, reads=[given.dataset])
    if opened is None:
        print(f"{given.out}: already done")
        return
    with opened as record:
        trainer = Trainer(accelerator=accelerator, execution=execution)
        seen, held_out = Knees(data, "train", config), Knees(data, "val", config)
        torch.manual_seed(config.seed)
        films, first = FilmAutoencoder(), given.out / "films"
        first.mkdir(exist_ok=True)
        of_films = partial(validate, knees=held_out, volumes=False)
        trainer.fit(films, Task(name="films", load=seen.films, loss=missed, validate=of_films), config, first)
        network = HiddenRegression(films, data.facts.slices)
        of_volumes = partial(validate, knees=held_out, volumes=True)
        trainer.fit(network, Task(name="hidden", load=seen.knees, loss=missed, validate=of_volumes), config, given.out)
        if record:
            save_file(network.cpu().state_dict(), given.out / WEIGHTS)
            record.note(counts={"parameters": sum(one.numel() for one in network.parameters())})


def draw(given: argparse.Namespace) -> None:
    """A volume for each of those that another model has drawn, where that lies."""
    data = open_dataset(given.dataset)
    network = HiddenRegression(FilmAutoencoder(), data.facts.slices)
    network.load_state_dict(load_file(given.draw / WEIGHTS))
    knees = Knees(data, "test", TrainLdm.load(preset=given.preset, file=given.config))
    given.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(given.like.glob("*.nii.gz")):
        like, told = read_volume(file), read_sidecar(file)
        with torch.no_grad():
            drawn = network(knees.film(file.name.removesuffix(".nii.gz"))[None])
        voxels = at_depths(drawn[0], torch.linspace(0, 1, len(like.voxels))).numpy()
        low, high = told["window"]
        voxels = np.rint(low + (voxels.clip(-1, 1) + 1) / 2 * (high - low)).astype(np.int16)
        if told["side"] == LEFT:  # datasets hold all knees looking right
            voxels = np.flip(voxels, axis=like.geometry.across)
        volume = replace(like, voxels=np.ascontiguousarray(voxels))
        write_volume(given.out / file.name, volume, "xrmri synthetic; a rival's")
        rest = {name: value for name, value in told.items() if name not in (SEAL, "outputs")}
        write_json(sidecar_file(given.out / file.name), rest | {"model": "hidden variables", "kind": "regression"})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reproduction.hidden")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--draw", type=Path)
    parser.add_argument("--like", type=Path)
    parser.add_argument("-o", dest="out", type=Path, required=True)
    given = parser.parse_args()
    return exit_code_of(partial(draw if given.draw else train, given))


if __name__ == "__main__":
    sys.exit(main())
