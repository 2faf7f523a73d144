"""Which model draws: a folder that a person names or the bundled one, described before any network is loaded."""

import hashlib
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xrmri.data.covariates import COVARIATES
from xrmri.data.familiar import Familiar, read_familiar
from xrmri.data.features import FeatureSet, feature_set
from xrmri.data.view import View
from xrmri.errors import InconsistentError, InputError
from xrmri.facts.folders import MODEL, ModelFacts, read_model_facts
from xrmri.pretrained import BUNDLED_LDM
from xrmri.storage.files import sha256
from xrmri.storage.limits import require_regular

log = logging.getLogger(__name__)

UNFITTED_LENGTH_MM = 6.0
"""For models older than the fit (choice)."""


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A model folder."""

    folder: Path
    bundled: bool
    facts: ModelFacts

    @property
    def name(self) -> str:
        """What a person calls it; never a path, because it goes into files that are handed on."""
        return "bundled demonstration model" if self.bundled else f"model {self.folder.resolve().name!r}"

    @property
    def view(self) -> View:
        """How it sees a knee."""
        facts = self.facts
        if facts.covariates not in ((), COVARIATES):
            raise InconsistentError(f"{self.folder} was trained with other covariates: use the xrmri it came from")
        return View(
            pixels=facts.image_size,
            slice_mm=facts.extent_mm[2],
            grid=facts.radiograph_grid,
            features=self.features,
            covariates=facts.covariates,
        )

    @property
    def noise_length_mm(self) -> float:
        """Length of the noise along depth with which its volumes go on like real ones, as fitted after training."""
        return self.facts.noise_length_mm or UNFITTED_LENGTH_MM

    @property
    def knees(self) -> str:
        """What it was trained on, in two words."""
        return "synthetic knees" if self.facts.is_synthetic else self.facts.trained_on

    @cached_property
    def features(self) -> FeatureSet:
        """The readings it was trained with."""
        features = feature_set(self.facts.feature_set)
        if features.sha256 != self.facts.features_sha256:
            raise InconsistentError(f"{self.folder} was trained with another feature list: use the xrmri it came from")
        return features

    @cached_property
    def familiar(self) -> Familiar | None:
        """What the radiographs it was taught on have in common; None in models of earlier versions."""
        return read_familiar(self.folder)

    @cached_property
    def sha256(self) -> str:
        """One digest for weights and facts; InputError where one is a pipe or a device."""
        inside = [self.folder / MODEL, *sorted(self.folder.glob("*/*.safetensors"))]
        for file in inside:
            require_regular(file)
        return hashlib.sha256("".join(sha256(file) for file in inside).encode()).hexdigest()

    def say_what_it_is(self) -> None:
        """Tell at every use that a model knows synthetic knees only."""
        if self.facts.is_synthetic:
            log.warning("the %s was trained on synthetic knees: a demonstration, not for diagnosis", self.name)


def find_model(folder: Path | None) -> ModelFolder:
    """The model a person names, or the bundled one for None.

    Raises:
        InputError: the folder is not one that train-ldm wrote.
        InconsistentError: its xrmri.json is damaged or of another format.
    """
    where = folder or BUNDLED_LDM
    if not (where / MODEL).is_file():
        raise InputError(f"--model {where} is not a model (no {MODEL}): give a folder from train-ldm")
    return ModelFolder(folder=where, bundled=folder is None, facts=read_model_facts(where))
