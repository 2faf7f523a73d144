"""What a dry run says to a person: the same facts as its JSON document, in sentences."""

from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, Any]


def sentences(plan: Facts) -> list[str]:
    """A dry run in sentences, one a line; facts of which none tells follow as they are.

    Args:
        plan: the result of a stage whose status is "dry run".
    """
    told = ["Nothing is written: this is what the command would do."]
    rest = {name: value for name, value in plan.items() if name != "status"}
    for names, say in _SENTENCES.items():
        if all(name in rest for name in names):
            told += [line for line in say(*(rest[name] for name in names)) if line]
            rest = {name: value for name, value in rest.items() if name not in names}
    return told + [f"{name}: {value}" for name, value in rest.items()]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items()) or "none"


def _release(participants: int, files: int, size: int) -> list[str]:
    return [f"It would draw {_count(participants, 'participant')}: {files:,} files, {size / 1e9:.2f} GB."]


def _counts(counts: Facts) -> list[str]:
    if "pairs" not in counts:
        return [f"It would look at {_listed(counts)}."]
    found, reasons = _listed(counts.get("found", {})), counts.get("reasons", {})
    left = f"{_count(counts['rejected'], 'series is', 'series are')} left out" if counts.get("rejected") else ""
    return [
        f"Series found: {found}. They make {_count(counts['pairs'], 'pair')} of a radiograph and an MRI.",
        f"{left}: {_listed(reasons)}." if left else "No series is left out.",
    ]


def _examples(examples: Facts) -> list[str]:
    return [f"  {reason}: {series}, for example." for reason, series in examples.items()]


def _others(others: Facts) -> list[str]:
    listed = ", ".join(f"{name} ({one['count']})" for name, one in others.items())
    return [f"Of other kinds, not needed: {listed}."] if others else []


def _some(what: str) -> Callable[[Facts], list[str]]:
    def say(found: Facts) -> list[str]:
        number, examples = found["count"], "; ".join(map(str, found["examples"]))
        return [f"{number:,} {what}: {examples}."] if number else []

    return say


def _parameters(parameters: Mapping[str, int]) -> list[str]:
    sizes = ", ".join(f"{name.replace('_', ' ')} {number:,}" for name, number in parameters.items())
    return [f"Parameters of the networks: {sizes}."]


def _swept(outputs: list[str], output: str, name: str) -> list[str]:
    return [f"It would draw every grade of {name}.", *_outputs(outputs, output, "")]


def _outputs(outputs: list[str], _output: str, _identity: str) -> list[str]:
    return ["It would write these files, unless they are there already:", *(f"  {file}" for file in outputs)]


_SENTENCES: dict[tuple[str, ...], Callable[..., list[str]]] = {
    ("participants", "files", "bytes"): _release,
    ("pairs", "volumes"): lambda pairs, volumes: [f"It would compare {volumes:,} volumes with {pairs:,} pairs."],
    ("volumes",): lambda volumes: [f"It would draw {_count(volumes, 'volume')}."],
    ("model",): lambda model: [f"The {model} draws."],
    ("outputs", "output", "identity"): _outputs,
    ("outputs", "output", "sweep"): _swept,
    ("output",): lambda output: [f"Results would stand in {output}."],
    ("counts",): _counts,
    ("examples",): _examples,
    ("pairs_per_visit", "pairs_per_side"): lambda visits, sides: [
        f"Pairs by visit: {_listed(visits)}. By side: {_listed(sides)}."
    ],
    ("slices", "sequence"): lambda slices, sequence: [f"Each volume would have {slices} slices, called {sequence}."],
    ("pairs_without_readings",): lambda number: [f"{_count(number, 'pair')} without any reading."] if number else [],
    ("readings", "people", "sheets"): lambda *tables: [
        "Tables read: " + (", ".join(file for files in tables for file in files) or "none") + "."
    ],
    ("others",): _others,
    ("renamed",): _some("series are called otherwise in a sheet than in their header; the header counts"),
    ("unplaced",): _some("folders are no series of a release"),
    ("parameters",): _parameters,
}
"""Names of facts -> the sentences they make, in the order in which a person wants them."""
