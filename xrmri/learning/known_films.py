"""How the anchor's reader is taught beforehand: from a radiograph to what is known of its knee, by least squares.

Pairs are few and films are many: a cohort has readings of all its films, of every visit and both knees, and drawn knees
have true shapes. What was learnt to tell them is thrown away; the reader stays.

Shapes: P knees, N x N pixels of a radiograph, K numbers known, B knees at a time.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from xrmri.cohorts.known_films import KnownFilms, split
from xrmri.config import Progress, TrainLdm
from xrmri.data.slices import Purpose, Shuffle, random_numbers
from xrmri.data.view import View
from xrmri.errors import InputError
from xrmri.learning.encoding import encoded
from xrmri.learning.warp import Warps, warped
from xrmri.models.plain_unet import TOLD
from xrmri.training.loop import Task, Trainer

log = logging.getLogger(__name__)

_WARPS = Warps(turn_degrees=2.0, stretch=0.02, shift=0.04)
"""As a detector's boxes are off, and a little more (choice)."""
_EXPOSURES = ((-0.35, 0.85, -0.08), (0.35, 1.1, 0.08))
"""From where to where the logarithm of gamma, contrast and offset go (choice)."""
_AT_ONCE = 32


class FilmBatch(NamedTuple):
    """What one forward pass takes."""

    y: Tensor
    """(B, N, N) float16 in [-1, 1]."""
    known: Tensor
    """(B, K), NaN where not known."""
    warp: Tensor
    """(B, 2, 3) in half fields."""
    exposure: Tensor
    """(B, 3): gamma, contrast, offset."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SeenFilms:
    """Films as the reader sees them."""

    radiographs: np.ndarray
    """(P, N, N) float16 in [-1, 1]."""
    known: np.ndarray
    """(P, K) float32, NaN where not known."""

    def one(self, number: int, numbers: np.random.Generator | None = None) -> FilmBatch:
        """One of them, without the B of its shapes; `numbers` move it and expose it otherwise."""
        warp, exposure = np.eye(2, 3, dtype=np.float32), np.array([1.0, 1.0, 0.0], np.float32)
        if numbers is not None:
            warp, drawn = _WARPS.draw(numbers), numbers.uniform(*_EXPOSURES)
            exposure = np.array([np.exp(drawn[0]), *drawn[1:]], np.float32)
        y, known = torch.from_numpy(self.radiographs[number].copy()), torch.from_numpy(self.known[number])
        return FilmBatch(y, known, torch.from_numpy(warp), torch.from_numpy(exposure))


class _Pupil(nn.Module):
    """A reader, and a layer that says what it has read."""

    def __init__(self, reader: nn.Module, count: int) -> None:
        super().__init__()
        self.reader = reader
        self.say = nn.Sequential(nn.SiLU(), nn.Linear(TOLD, count))

    def forward(self, y: Tensor) -> Tensor:
        """(B, 1, N, N) -> (B, K)."""
        said: Tensor = self.say(self.reader(y))
        return said


def seen_films(films: KnownFilms, view: View, cache: Path, *, tell: Progress) -> SeenFilms:
    """The films as a model of this view sees them, made once and kept in `cache`."""
    cache.mkdir(parents=True, exist_ok=True)

    def radiographs(numbers: range) -> Tensor:
        return torch.stack([torch.from_numpy(view.radiograph(*films.upright(number))) for number in numbers])

    made = encoded(cache / "radiographs.npy", len(films.rows), radiographs, tell=tell)
    return SeenFilms(radiographs=made, known=films.known)


def teach_reader(
    reader: nn.Module, seen: SeenFilms, films: Sequence[str], folder: Path, *, config: TrainLdm, trainer: Trainer
) -> float:
    """Teach a reader what is known of films, in place.

    Args:
        reader: whose weights are changed.
        seen: what it learns from.
        films: the hash of the film that each knee is on; one film in twelve is held out.
        folder: where checkpoints and metrics go.
        config: of train-ldm; what belongs to this in it begins with `reader`.
        trainer: what trains it.

    Returns:
        the share of the variance of what is known that it tells of films held out, in the mean over all of that.

    Raises:
        StoppedEarly: stopped and saved.
        InputError: too few films to hold any out.
    """
    taught, held_out = split(films)
    if not taught or not held_out:
        raise InputError(f"{len(films)} films cannot teach a reader: some hundred are needed, some thousand wanted")
    torch.manual_seed(config.seed)
    pupil = _Pupil(reader.requires_grad_(True), seen.known.shape[1])
    order = Shuffle(count=len(taught), seed=config.seed)

    def batch(positions: Sequence[int]) -> FilmBatch:
        drawn = [random_numbers(config.seed, Purpose.IMAGE, position) for position in positions]
        return _joined([seen.one(taught[order.at(at)], own) for at, own in zip(positions, drawn, strict=True)])

    device = trainer.accelerator.device
    validate = partial(_validate, seen=seen, rows=held_out, device=device)
    folder.mkdir(parents=True, exist_ok=True)
    task = Task(name="train-ldm: reader", load=batch, loss=_loss, validate=validate)
    said = trainer.fit(pupil, task, config.recipe_of("reader"), folder) or validate(pupil)
    r2 = said["r2"]
    reader.cpu()
    log.info("the reader tells %.0f %% of what is known of %d knees held out", 100 * r2, len(held_out))
    return r2


def _validate(pupil: nn.Module, seen: SeenFilms, rows: Sequence[int], device: torch.device) -> dict[str, float]:
    """What is told of films held out."""
    pupil.to(device)
    said = []
    with torch.no_grad():
        for first in range(0, len(rows), _AT_ONCE):
            batch = _joined([seen.one(row) for row in rows[first : first + _AT_ONCE]])
            said.append(pupil(batch.y[:, None].float().to(device)).cpu())
    known = torch.from_numpy(seen.known[list(rows)])
    missed = (torch.cat(said) - known).square().nanmean(dim=0)
    spread = (known - known.nanmean(dim=0)).square().nanmean(dim=0)
    told = (1 - missed / spread)[spread > 0]
    return {"r2": float(told.nanmean())}


def _loss(pupil: nn.Module, batch: FilmBatch) -> Tensor:
    """Mean squared error of what is known."""
    with torch.autocast(batch.y.device.type, enabled=False):
        gamma, contrast, offset = batch.exposure.T[..., None, None, None]
        unit = (warped(batch.y[:, None], batch.warp) + 1) / 2
        shown = ((unit.clamp(0, 1) ** gamma * contrast + offset) * 2 - 1).clamp(-1, 1)
    said: Tensor = pupil(shown).float()
    there = torch.isfinite(batch.known)
    return (said - torch.where(there, batch.known, said)).square().sum() / there.sum().clamp(min=1)


def _joined(ones: Sequence[FilmBatch]) -> FilmBatch:
    return FilmBatch(*(torch.stack(parts) for parts in zip(*ones, strict=True)))
