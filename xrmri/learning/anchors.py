"""Which anchor a knee is shown through: never one that learnt from the same person.

An anchor knows its own people better than others: a denoiser that saw them through it would trust it too much. So
either the anchor learns from a cohort of its own, or the training split is cut into folds by participant and each fold
is seen through an anchor that learnt from the others; the anchor of the finished model then learns from all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from xrmri.config import TrainLdm
from xrmri.data.features import without_slots
from xrmri.data.slices import readings_of, training_view
from xrmri.data.store import Dataset
from xrmri.errors import InconsistentError
from xrmri.facts.parts import AnchorFacts
from xrmri.learning.anchor import (
    CoarsePairs,
    LearntAnchor,
    coarse_pairs,
    edge_weights,
    learn_anchor,
    require_sizes,
    sizes_for,
)
from xrmri.learning.anchor_inputs import AnchorInputs, EarlierAnchor
from xrmri.learning.known_films import seen_films, teach_reader
from xrmri.learning.networks import facts_of
from xrmri.models.anchor import Anchor, AnchorSizes, folded
from xrmri.runs.folder import fingerprint
from xrmri.storage.files import digest
from xrmri.training.loop import Trainer

FOLDER = "anchor-training"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Anchors:
    """The anchors of one training."""

    final: LearntAnchor
    """Of the finished model, and of everyone who is in no fold."""
    of_pairs: Mapping[str, Anchor]
    """Of those in a fold."""
    facts: AnchorFacts

    @property
    def digest(self) -> str:
        """By which what they show is known."""
        networks = [self.final.network, *self.of_pairs.values()]
        return digest([float(one.double().sum()) for network in networks for one in network.state_dict().values()])

    def edges(self, weight: float, shape: tuple[int, int, int]) -> Tensor | None:
        """How much an error of a latent (C, h, w) counts at each place of a knee: (D, h, w); None: all alike."""
        if not weight:
            return None
        template = self.final.network.template.detach().cpu()
        return interpolate(edge_weights(template, weight)[:, None], shape[1:], mode="area")[:, 0]

    @torch.inference_mode()
    def show(self, pair_id: str, y: Tensor, *, features: Mapping[str, Tensor], shape: tuple[int, int, int]) -> Tensor:
        """What the denoiser is shown of a pair, (D, C, h, w) on the CPU.

        Args:
            pair_id: whose.
            y: (H, W) float32 in [-1, 1].
            features: (F,) of each pair.
            shape: (C, h, w) of a latent.
        """
        anchor = self.of_pairs.get(pair_id, self.final.network)
        device = anchor.template.device
        return folded(anchor(y[None].to(device), features[pair_id][None].to(device))[0], shape).cpu()


def learn_anchors(
    data: Dataset,
    given: AnchorInputs,
    out: Path,
    *,
    config: TrainLdm,
    trainer: Trainer,
) -> Anchors:
    """Train them, or go on where a run has stopped; with no steps, take the earlier one as it is.

    Args:
        data: what the denoiser learns from.
        given: what else they learn from; people of its cohort who are in `data` too are left out.
        out: folder of the model.
        config: of train-ldm.
        trainer: what trains them.

    Raises:
        StoppedEarly: stopped and saved.
        InconsistentError: nobody is left to learn from, or the earlier anchor has other sizes.
    """
    if config.anchor_steps == 0 and given.begin:
        return _as_it_is(given.begin, data, config)
    cohort = given.cohort
    known = cohort or data
    training, held_out = (others(known, split, than=data if cohort else None) for split in ("train", "val"))
    hidden = facts_of(config, data).hidden_slots

    def read(split: str, pairs: Sequence[str], variants: int) -> CoarsePairs:
        key = digest([fingerprint(known.folder), split, list(pairs), variants, config.seed, config.radiograph_grid])
        cache = out / "cache" / "coarse" / key[:12]
        found = coarse_pairs(known, pairs, cache, config=config, variants=variants, tell=trainer.execution.progress)
        return replace(found, features=without_slots(found.features, hidden))

    with trainer.accelerator.main_process_first():
        learnt_from, judged_by = read("train", training, config.radiograph_variants), read("val", held_out, 1)
    sizes = sizes_for(known, config.anchor_channels, features=learnt_from.features.shape[1])
    reader, worth = _taught(given, known, sizes, out, config=config, trainer=trainer)
    learn = partial(
        learn_anchor,
        held_out=judged_by,
        sizes=sizes,
        config=config,
        trainer=trainer,
        begin=given.begin.network if given.begin else None,
        reader=reader,
    )
    of_pairs: dict[str, Anchor] = {}
    for number, fold in enumerate([] if cohort else folds(known, training, config.anchor_folds)):
        rest = [row for row in range(len(training)) if row not in fold]
        anchor = learn(learnt_from.of(rest), folder=out / FOLDER / f"fold-{number}").network
        of_pairs |= {training[row]: anchor for row in fold}
    final = learn(learnt_from, folder=out / FOLDER / "final")
    facts = AnchorFacts(
        pairs=len(training),
        dataset_sha256=fingerprint(known.folder),
        r2=round(final.r2, 4),
        films=len(given.films.rows) if given.films else 0,
        reader_r2=worth,
    )
    return Anchors(final=final, of_pairs=of_pairs, facts=facts)


def _as_it_is(begin: EarlierAnchor, data: Dataset, config: TrainLdm) -> Anchors:
    """An earlier anchor, which learnt from other people, for knees of its own sizes."""
    pairs, view = data.pairs("train")[:1], training_view(data, config.radiograph_grid, covariates=config.covariates)
    features = readings_of(data, pairs, view).shape[1]
    require_sizes(begin.network, sizes_for(data, begin.network.sizes.widths, features=features))
    facts = begin.facts or AnchorFacts(pairs=0, dataset_sha256="", r2=0.0)
    network = begin.network.eval().requires_grad_(False)
    return Anchors(final=LearntAnchor(network=network, r2=facts.r2), of_pairs={}, facts=facts)


def _taught(
    given: AnchorInputs, known: Dataset, sizes: AnchorSizes, out: Path, *, config: TrainLdm, trainer: Trainer
) -> tuple[nn.Module | None, float | None]:
    """A reader taught by films, and the share of what is known of others that it tells; None where there are none."""
    films = given.films
    if films is None:
        return None, None
    torch.manual_seed(config.seed)
    reader = (given.begin.network if given.begin else Anchor(sizes)).reader
    view = replace(training_view(known, config.radiograph_grid), pixels=sizes.radiograph_pixels)
    key = digest([fingerprint(films.knees.folder), list(films.rows), view.slice_mm, view.grid, view.pixels])
    with trainer.accelerator.main_process_first():
        seen = seen_films(films, view, out / "cache" / "films" / key[:12], tell=trainer.execution.progress)
    worth = teach_reader(reader, seen, films.films(), out / FOLDER / "reader", config=config, trainer=trainer)
    return reader, round(worth, 4)


def others(known: Dataset, split: str, *, than: Dataset | None) -> list[str]:
    """The pairs of a split whose participants are not in another dataset."""
    strangers = set() if than is None else set(than.index["participant"])
    pairs = [pair_id for pair_id in known.pairs(split) if known.index.at[pair_id, "participant"] not in strangers]
    if not pairs:
        raise InconsistentError(f"{known.folder} has nobody for the anchor in its {split} split: build a larger one")
    return pairs


def folds(data: Dataset, pairs: Sequence[str], count: int) -> list[list[int]]:
    """Rows of pairs, cut into so many folds by participant."""
    people = {name: number for number, name in enumerate(sorted({data.index.at[one, "participant"] for one in pairs}))}
    parts: list[list[int]] = [[] for _ in range(min(count, len(people)))]
    for row, pair_id in enumerate(pairs):
        parts[people[data.index.at[pair_id, "participant"]] % len(parts)].append(row)
    if len(parts) < 2:
        raise InconsistentError(f"{data.folder} has one participant to train on, an anchor needs two: anchor = false")
    return parts
