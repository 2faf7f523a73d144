"""What an anchor learns from beside the dataset of its denoiser: more people, more films, an earlier anchor."""

from dataclasses import dataclass
from pathlib import Path

from xrmri.cohorts.known_films import KnownFilms, read_known_films
from xrmri.config import TrainLdm
from xrmri.data.store import Dataset, open_dataset
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import TEMPLATE, read_model_facts
from xrmri.facts.parts import AnchorFacts
from xrmri.models.anchor import ANCHOR_FOLDER, Anchor, load_anchor
from xrmri.runs.folder import fingerprint
from xrmri.runs.seals import are_same
from xrmri.storage.files import sha256


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EarlierAnchor:
    """The anchor of --init."""

    network: Anchor
    facts: AnchorFacts | None
    """What its model says of it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnchorInputs:
    """What is given; nothing of it where a model has no anchor."""

    cohort: Dataset | None = None
    """What the anchor learns from in place of the denoiser's dataset."""
    films: KnownFilms | None = None
    """What its reader is taught by beforehand."""
    film_table: Path | None = None
    begin: "EarlierAnchor | None" = None
    """An earlier anchor, from whose weights all start."""

    @classmethod
    def read(
        cls,
        data: Dataset,
        config: TrainLdm,
        *,
        init: Path | None,
        cohort: Path | None,
        films: Path | None,
        film_table: Path | None,
    ) -> "AnchorInputs":
        """Open what is given to train-ldm.

        Raises:
            InputError: without an anchor, one half without the other, or what an anchor of no steps can't learn from.
            InconsistentError: of other knees than those the denoiser draws, or an anchor that has met them.
        """
        if not config.anchor:
            for name, given in {"--anchor-dataset": cohort, "--films": films, "--film-table": film_table}.items():
                if given is not None:
                    raise InputError(f"{name} is for a model with an anchor: set anchor = true")
            return cls()
        if (films is None) != (film_table is None):
            told = "--films, a folder from detect-knee, and --film-table, what is known of its knees, need each other"
            raise InputError(told)
        begin = _earlier_anchor(init, data)
        if config.anchor_steps == 0:
            if begin is None:
                raise InputError("anchor_steps = 0 takes the anchor of --init LDM as it is: give a model that has one")
            if cohort or films:
                raise InputError("anchor_steps = 0 learns nothing from --anchor-dataset and --films: leave them out")
        return cls(
            cohort=_cohort(data, cohort),
            films=read_known_films(films, film_table) if films and film_table else None,
            film_table=film_table,
            begin=begin,
        )

    def recorded(self) -> dict[str, str]:
        """Its fingerprints, for run.json."""
        found = {"anchor_dataset": fingerprint(self.cohort.folder)} if self.cohort else {}
        if self.films and self.film_table:
            found |= {"films": fingerprint(self.films.knees.folder), "film_table": sha256(self.film_table)}
        return found


def _cohort(data: Dataset, folder: Path | None) -> Dataset | None:
    if folder is None:
        return None
    cohort = open_dataset(folder)
    require_same_kind(data, cohort)
    cohort.check()
    return cohort


def _earlier_anchor(init: Path | None, data: Dataset) -> EarlierAnchor | None:
    """The anchor of --init; InconsistentError where it has met the people whom the denoiser is shown through it."""
    if init is None or not (init / ANCHOR_FOLDER).is_dir():
        return None
    facts = read_model_facts(init).anchor
    if facts and facts.dataset_sha256 == fingerprint(data.folder):
        told = f"the anchor of --init {init} has learnt from {data.folder}: it would be shown its own people"
        raise InconsistentError(f"{told}; give people of their own by --anchor-dataset, or start without --init")
    return EarlierAnchor(network=load_anchor(init / ANCHOR_FOLDER), facts=facts)


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
