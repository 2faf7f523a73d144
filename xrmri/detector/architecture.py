"""What a detector's folder says of its networks: a closed list, because ultralytics evaluates any text it is given.

Every name, every module and every argument of a module is known here, with its type and its range; a folder that says
anything else is refused before the description goes anywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from xrmri.errors import InputError
from xrmri.storage.documents import read_json
from xrmri.storage.typed import Between, UnfitError, fitted, record_of

ARCHITECTURE = "architecture.json"
_ADVICE = "train or copy the detector again"
_Channels = Annotated[int, Between(1, 1024)]
_Kernel = Annotated[int, Between(1, 13)]
_MODULES: dict[str, tuple[Any, ...]] = {
    "Conv": (_Channels, _Kernel, Annotated[int, Between(1, 2)]),
    "C3k2": (_Channels, bool, Annotated[float, Between(0.125, 1)]),
    "SPPF": (_Channels, _Kernel),
    "C2PSA": (_Channels,),
    "nn.Upsample": (Literal["None"], Literal[2], Literal["nearest"]),
    "Concat": (Literal[1],),
    "Detect": (Literal["nc"],),
}
"""Module -> types of its arguments; the last ones may be left out."""
_MOST_LAYERS = 40
_MOST_WEIGHTS = 250_000_000
"""As they are counted here (choice: the largest YOLO11 has 57 million, and counts as 90)."""
_MOST_UPSAMPLED = 3
"""Layers that double rows and columns: each makes four times the memory of it (choice: YOLO11 has two)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorNetwork:
    """The description of a YOLO network, as ultralytics takes it."""

    nc: Annotated[int, Between(1, 16)]
    """Classes."""
    channels: Annotated[int, Between(1, 3)]
    """Of its input."""
    scale: str
    scales: Mapping[str, tuple[Annotated[float, Between(0.1, 2)], Annotated[float, Between(0.05, 1.5)], _Channels]]
    """Scale -> depth, width, and the most channels."""
    backbone: tuple[tuple[Any, ...], ...]
    head: tuple[tuple[Any, ...], ...]
    """Layers: where its input comes from, repeats, module, arguments."""

    def __post_init__(self) -> None:
        """Refuse layers that are not in the list, or take their input from nowhere."""
        if self.scale not in self.scales:
            raise UnfitError(f"network.scale must be one of {', '.join(self.scales)}")
        layers = (*self.backbone, *self.head)
        if not 0 < len(layers) <= _MOST_LAYERS:
            raise UnfitError(f"network must have 1 to {_MOST_LAYERS} layers, not {len(layers)}")
        for number, layer in enumerate(layers):
            _require_known(layer, number)
        numbers = sum(_count_weights(layer, *self.scales[self.scale]) for layer in layers)
        if numbers > _MOST_WEIGHTS:
            told = f"{_MOST_WEIGHTS / 1e6:.0f} million weights, not some {numbers / 1e6:,.0f}"
            raise UnfitError(f"network must have at most {told}")
        doubled = sum("nn.Upsample" in layer[2:3] for layer in layers)
        if doubled > _MOST_UPSAMPLED:
            raise UnfitError(f"network must have at most {_MOST_UPSAMPLED} nn.Upsample, not {doubled}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorFacts:
    """architecture.json."""

    network: DetectorNetwork
    size: Annotated[int, Between(64, 2048)]
    """Rows and columns of the network's input."""
    sha256: Mapping[str, str]
    """File of weights beside it -> hex digest."""

    def __post_init__(self) -> None:
        """Refuse a size that the grids do not divide."""
        if self.size % 32:
            raise UnfitError(f"size must be a multiple of 32, not {self.size}")


def read_architecture(folder: Path) -> tuple[dict[str, Any], DetectorFacts]:
    """The network's description, as ultralytics takes it, and all that architecture.json says.

    Raises:
        InputError: not there, damaged, or with a name, a module or a value that is not in the list.
    """
    file = folder / ARCHITECTURE
    content = read_json(file, advice=_ADVICE)
    try:
        facts = record_of(DetectorFacts, content)
        strange = sorted(content["network"].keys() - set(DetectorNetwork.__dataclass_fields__))
        if strange:
            raise UnfitError(f"network.{strange[0]} is unknown")
    except UnfitError as error:
        raise InputError(f"{file}: {error}: {_ADVICE}") from error
    return content["network"], facts


def _require_known(layer: tuple[Any, ...], number: int) -> None:
    """Refuse a layer whose module, arguments or sources are not in the list; ultralytics counts layers from 0."""
    place = f"network layer {number}"
    of_layer: Any = tuple[Any, Annotated[int, Between(1, 6)], Literal[*_MODULES], tuple[Any, ...]]  # type: ignore[valid-type]
    source, _, module, arguments = fitted(layer, of_layer, place)
    sources = source if isinstance(source, list) else [source]
    for one in sources:
        fitted(one, Annotated[int, Between(-1, max(number - 1, -1))], f"{place}'s source")
    if len(sources) != len({*sources}) or not sources:
        raise UnfitError(f"{place}'s sources must differ")
    known = _MODULES[module]
    if not 0 < len(arguments) <= len(known):
        raise UnfitError(f"{place}: {module} has 1 to {len(known)} arguments, not {len(arguments)}")
    of_arguments: Any = tuple.__class_getitem__(known[: len(arguments)])
    fitted(arguments, of_arguments, f"{place}: {module}")


def _count_weights(layer: tuple[Any, ...], depth: float, width: float, most: int) -> float:
    """About how many weights a known layer has at a scale: of each module one kernel between all its channels."""
    _, repeats, module, arguments = layer
    if module in ("nn.Upsample", "Concat", "Detect"):
        return 0
    kernel = arguments[1] if module == "Conv" and len(arguments) > 1 else 3
    return float(max(1, repeats * depth) * (min(arguments[0], most) * width * kernel) ** 2)
