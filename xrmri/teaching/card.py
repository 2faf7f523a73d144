"""The files of a detector: weights, description, and a card that says what it is and how good it is."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from xrmri.detector import network as yolo
from xrmri.detector.architecture import ARCHITECTURE
from xrmri.detector.detect import FIBULA, WEIGHTS
from xrmri.storage.files import complete_or_absent, sha256, write_json, write_text
from xrmri.teaching.evaluation import KNEELESS, MIN_SCORE

_CARD = """\
# Knee detector

Finds the knee joints on a PA radiograph and says on which side of each the fibula lies. A demonstration, trained on
synthetic films; not for diagnosis.

- **Network**: a narrow YOLO11 ({parameters:,} parameters), input {size} x {size}, one channel, one class.
- **Fibula**: a small convolutional classifier ({fibula_parameters:,} parameters) of joint crops says on which side
  the fibula lies. A knee whose fibula lies medially is refused: the film is mirrored, or the side is wrong. A film of
  both knees that is mirrored as a whole cannot be told from another, because its fibulas still point outward.
- **Box**: a square that, enlarged 1.3 times about its centre, is the joint crop of this package.
- **Films**: made from phantom participants, with other body parts as films without a knee.
- **Real joints**: {joints}
- **Settings**: {settings}.
- **Made by**: `python -m xrmri.teaching.train` (`make detector`). Built and taught with ultralytics, AGPL-3.0.

## On films with plates, joints and seeds never trained on

{figures}

"Found": every knee and nothing else was found (IoU above 0.5, score at least {score}); on films without a knee, no box.
"Told apart": each of those knees was called by its side, and no film refused as mirrored. "Mirrored and refused": the
same film of one knee, reversed, was refused, as its fibula lies medially. All films but the first kind are
spoilt as in training. These figures are measured by the training command when it ends.

## Limits

No annotated real film was available: how it does on whole real films is known only from films with real joints
set in. Other body parts are sketches. Children and other projections were not trained at all.
"""
_REAL = """\
set into most of the films. Chen 2018, "Knee Osteoarthritis Severity Grading Dataset", Mendeley Data V1,
  doi 10.17632/56rmx5bjcr.1, CC BY 4.0."""


def save_detector(
    folder: Path,
    network: nn.Module,
    fibula: nn.Module,
    size: int,
    *, settings: dict[str, Any],
    figures: dict[str, dict[str, Any]],
    real_joints: bool,
) -> None:
    """Write a detector that load_detector reads.

    Args:
        folder: exists.
        network: built by network.build from its ARCHITECTURE.
        fibula: built by fibula.build.
        size: rows and columns of the network's input.
        settings: of the training, for the card.
        figures: by kind of film, from evaluation.judge; none before the end.
        real_joints: whether the training saw real joints.
    """
    for module, file in ((network, WEIGHTS), (fibula, FIBULA)):
        with complete_or_absent(folder / file) as partial:
            partial.write_bytes(save({name: _half(value) for name, value in module.state_dict().items()}))
    hashes = {name: sha256(folder / name) for name in (WEIGHTS, FIBULA)}
    facts = {"network": yolo.ARCHITECTURE, "size": size, "sha256": hashes, "figures": figures}
    write_json(folder / ARCHITECTURE, facts)
    text = _CARD.format(
        parameters=yolo.count_parameters(network),
        fibula_parameters=yolo.count_parameters(fibula),
        size=size,
        joints=_REAL if real_joints else "none were given.",
        settings=", ".join(f"{name} {value}" for name, value in settings.items()),
        figures=_table(figures),
        score=MIN_SCORE,
    )
    write_text(folder / "README.md", text)


def _half(value: torch.Tensor) -> torch.Tensor:
    """A tensor in half precision, whole numbers left alone."""
    return value.half().contiguous() if value.is_floating_point() else value.contiguous()


def _table(figures: dict[str, dict[str, Any]]) -> str:
    """The figures as a table."""
    if not figures:
        return "Training has not ended yet."
    names = ("films of", "count", "found", "median IoU", "told apart", "mirrored and refused")
    rows = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for name, values in figures.items():
        films, found, overlap = values["films"], values["found"], values["iou"]
        knees = None if overlap is None or name == KNEELESS else values["told"]
        cells = [
            name,
            str(films),
            f"{found} ({found / films:.1%})",
            "" if knees is None else f"{overlap:.3f}",
            "" if knees is None else f"{knees} of {found}",
            "" if values["mirrored"] is None else f"{values['mirrored']} of {knees}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
