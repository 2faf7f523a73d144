"""Drawing: one model under one set of settings, whatever the cases; its networks are loaded for the first volume."""

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrmri.config import Execution, Generate
from xrmri.errors import InputError
from xrmri.generation.case import Case
from xrmri.generation.deliver import deliver, delivered_before, identity
from xrmri.generation.drawn import DrawnVolumes
from xrmri.generation.model import ModelFolder, find_model
from xrmri.generation.pictures import add_pictures
from xrmri.generation.target import Target
from xrmri.machine.memory import keep_memory

if TYPE_CHECKING:  # torch comes with the networks, after every mistake in the input has been told
    from xrmri.models.anchor import Anchor
    from xrmri.models.bundle import Model
    from xrmri.models.tissues import TissueReader

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: networks and digest are kept once they are there
class Job:
    """What draws."""

    config: Generate
    """Resolved: nothing in it is left open."""
    execution: Execution
    model: ModelFolder
    labels: bool = False
    """Tell what each voxel of a volume is made of."""

    @cached_property
    def networks(self) -> "Model":
        """On their device, in the precision of the settings; loading them says what the model is."""
        from xrmri.machine.device import find_device
        from xrmri.models.bundle import in_precision, load_bundle

        self.model.say_what_it_is()
        device = find_device(self.execution.device)
        if device.type == "cpu":
            keep_memory()
        return in_precision(load_bundle(self.model.folder, device, with_tissues=False), self.config.precision)

    @cached_property
    def anchor(self) -> "Anchor":
        """The one network that the expected volume takes; loading it says what the model is."""
        from xrmri.models.anchor import load_anchor
        from xrmri.models.parts import require_model

        self.model.say_what_it_is()
        require_model(self.model.folder, self.model.facts)
        return load_anchor(self.model.folder / "anchor")

    @cached_property
    def tissues(self) -> "TissueReader":
        """The network that tells what voxels are made of."""
        from xrmri.machine.device import find_device
        from xrmri.models.tissues import load_tissue_reader

        reader = load_tissue_reader(self.model.folder)
        return reader if self.config.mean else reader.to(find_device(self.execution.device))

    def load(self) -> None:
        """Load what draws: a model that cannot be loaded is no fault of a case."""
        _ = self.anchor if self.config.mean else self.networks

    def draw(self, case: Case) -> DrawnVolumes:
        """Draw a case, looking right."""
        if not case.is_told:
            _tell(case)
        config, seen = self.config, case.seen(self.model.view)
        if config.mean:
            from xrmri.generation.mean import expected_volume

            return expected_volume(self.anchor, self.model.facts, seen, slices=config.num_slices)
        from xrmri.generation.machine import draw_volume

        volumes = []
        for sample in range(config.samples):

            def tell(done: int, before: int = sample * config.num_slices) -> None:
                self.execution.progress("slices", before + done, config.samples * config.num_slices, "")

            own: dict[str, Any] = {"sample": sample, "stream": case.noise_stream, "threads": self.execution.workers}
            volumes.append(draw_volume(self.networks, seen, config, **own, tell=tell))
        return DrawnVolumes(volumes=tuple(volumes))

    def deliver(self, drawn: DrawnVolumes, case: Case, target: Target) -> None:
        """Write what was drawn of a case, labelled where that is asked for."""
        labelled = self._labelled(drawn) if self.labels else drawn
        deliver(labelled, case, target, config=self.config, model=self.model)

    def _labelled(self, drawn: DrawnVolumes) -> DrawnVolumes:
        """The volumes with what their voxels are made of."""
        from xrmri.models.tissues import tissues_of

        trained = self.model.facts.slices
        return replace(
            drawn, labels=tuple(tissues_of(self.tissues, one, trained_slices=trained) for one in drawn.volumes)
        )

    def delivered_before(self, case: Case, target: Target) -> bool:
        """Whether the files of this very case are there, complete; InputError where they are another's."""
        return delivered_before(target, self.identity(case), self.config)

    def add_pictures(self, case: Case, target: Target) -> bool:
        """Draw what is asked for and not there of pictures of a case that was drawn before; whether there was any."""
        return bool(add_pictures(target, case, config=self.config, model=self.model))

    @property
    def bytes_on_disk(self) -> int:
        """What one case takes, roughly."""
        samples, pixels = self.config.samples, self.model.facts.image_size**2
        return (samples + 2 * (samples > 1) + self.config.mean) * self.config.num_slices * pixels * 2 + 500_000

    def identity(self, case: Case) -> dict[str, object]:
        """What the files of a case depend on: the same identity gives the same bytes."""
        return identity(case, self.config, self.model)


def _tell(case: Case) -> None:
    """Say how a case was taken from its picture, as far as somebody may have to say otherwise."""
    if case.side_is_assumed:
        log.info("%s is drawn as a right knee: say --side left where it is not", case.source["file"])
    if case.taken.get("side_from") == "fibula":
        told = "%s shows a %s knee, as its fibula tells: say --side where it does not"
        log.info(told, case.source["file"], case.side)
    if case.doubt:
        log.warning("%s: %s", case.source["file"], case.doubt)


def job_of(config: Generate, execution: Execution, folder: Path | None, *, labels: bool = False) -> Job:
    """The job of some settings, once what depends on model and machine is filled in.

    Args:
        config: as a person gave them.
        execution: how to run.
        folder: of the model; None for the bundled one.
        labels: tell what voxels are made of.

    Raises:
        InputError: no such model, or settings that it cannot draw with.
    """
    model = find_model(folder)
    if config.mean and model.facts.anchor is None:
        raise InputError(f"--mean takes a model with an anchor, the {model.name} has none: take --samples 8")
    if labels and model.facts.tissues is None:
        why = "synthetic knees can be taught them: python -m xrmri.stages.train_tissues"
        raise InputError(f"--labels takes a model that has learnt them, the {model.name} has not; models of {why}")
    if config.precision == "auto":
        from xrmri.machine.device import find_device
        from xrmri.machine.precision import fastest_precision

        fastest: Any = fastest_precision(find_device(execution.device))  # one of those that Generate lists
        config = replace(config, precision=fastest)
    from xrmri.generation.sampling import resolved

    config = resolved(config, model.facts)
    config = replace(config, noise_length_mm=config.noise_length_mm or model.noise_length_mm)
    return Job(config=config, execution=execution, model=model, labels=labels)
