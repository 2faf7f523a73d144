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
from torch import Tensor

from xrmri.config import TrainLdm
from xrmri.data.features import without_slots
from xrmri.data.store import Dataset
from xrmri.errors import InconsistentError
from xrmri.facts import TEMPLATE, read_model_facts
from xrmri.files import digest
from xrmri.learning.anchor import CoarsePairs, LearntAnchor, coarse_pairs, learn_anchor, sizes_for
from xrmri.learning.networks import facts_of
from xrmri.models.anchor import ANCHOR_FOLDER, Anchor, folded, load_anchor
from xrmri.part_facts import AnchorFacts
from xrmri.run import fingerprint
from xrmri.seals import are_same
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
    cohort: Dataset | None,
    out: Path,
    *,
    config: TrainLdm,
    trainer: Trainer,
    begin: Anchor | None = None,
) -> Anchors:
    """Train them, or go on where a run has stopped.

    Args:
        data: what the denoiser learns from.
        cohort: what the anchor learns from, if it is another; people who are in `data` too are left out.
        out: folder of the model.
        config: of train-ldm.
        trainer: what trains them.
        begin: the anchor of an earlier model, from which all of them start.

    Raises:
        StoppedEarly: stopped and saved.
        InconsistentError: nobody is left to learn from.
    """
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
    sizes = sizes_for(known, features=learnt_from.features.shape[1])
    learn = partial(learn_anchor, held_out=judged_by, sizes=sizes, config=config, trainer=trainer, begin=begin)
    of_pairs: dict[str, Anchor] = {}
    for number, fold in enumerate([] if cohort else folds(known, training, config.anchor_folds)):
        rest = [row for row in range(len(training)) if row not in fold]
        anchor = learn(learnt_from.of(rest), folder=out / FOLDER / f"fold-{number}").network
        of_pairs |= {training[row]: anchor for row in fold}
    final = learn(learnt_from, folder=out / FOLDER / "final")
    facts = AnchorFacts(pairs=len(training), dataset_sha256=fingerprint(known.folder), r2=round(final.r2, 4))
    return Anchors(final=final, of_pairs=of_pairs, facts=facts)


def others(known: Dataset, split: str, *, than: Dataset | None) -> list[str]:
    """The pairs of a split whose participants are not in another dataset."""
    strangers = set() if than is None else set(than.index["participant"])
    pairs = [pair_id for pair_id in known.pairs(split) if known.index.at[pair_id, "participant"] not in strangers]
    if not pairs:
        raise InconsistentError(f"{known.folder} has nobody for the anchor in its {split} split: build a larger one")
    return pairs


def earlier_anchor(init: Path | None, data: Dataset) -> Anchor | None:
    """The anchor of the model that a training starts from; None where there is none.

    Raises:
        InconsistentError: it has learnt from the very people whom the denoiser is to be shown through it.
    """
    if init is None or not (init / ANCHOR_FOLDER).is_dir():
        return None
    facts = read_model_facts(init).anchor
    if facts and facts.dataset_sha256 == fingerprint(data.folder):
        told = f"the anchor of --init {init} has learnt from {data.folder}: it would be shown its own people"
        raise InconsistentError(f"{told}; give people of their own by --anchor-dataset, or start without --init")
    return load_anchor(init / ANCHOR_FOLDER)


def folds(data: Dataset, pairs: Sequence[str], count: int) -> list[list[int]]:
    """Rows of pairs, cut into so many folds by participant."""
    people = {name: number for number, name in enumerate(sorted({data.index.at[one, "participant"] for one in pairs}))}
    parts: list[list[int]] = [[] for _ in range(min(count, len(people)))]
    for row, pair_id in enumerate(pairs):
        parts[people[data.index.at[pair_id, "participant"]] % len(parts)].append(row)
    if len(parts) < 2:
        raise InconsistentError(f"{data.folder} has one participant to train on, an anchor needs two: anchor = false")
    return parts


def require_same_kind(data: Dataset, cohort: Dataset) -> None:
    """InconsistentError where an anchor that learns from one dataset could not show the knees of the other."""
    for name in ("frame", "plane", "sequence", "features_sha256"):
        own, other = getattr(data.facts, name), getattr(cohort.facts, name)
        if own != other:
            told = f"{cohort.folder} has another {name} ({other}) than {data.folder} ({own})"
            raise InconsistentError(f"{told}: build it alike")
    if not are_same(data.folder / TEMPLATE, cohort.folder / TEMPLATE):
        told = f"{cohort.folder} lies in the frame of another template than {data.folder}"
        raise InconsistentError(f"{told}: build it with --template {data.folder}")
