"""What gpu_model tells of its parts: the records that table.json holds, and the same for a reader."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_HIDDEN = ("seconds", "findings", "table", "expected volume", "one sample", "output", "status", "files")


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the table."""

    what: str
    measured: float
    unit: str = ""
    limit: float | None = None
    """The largest that is right; None where anything is."""

    @property
    def holds(self) -> bool:
        """Whether it is within its limit; not a number never is."""
        return self.limit is None or self.measured <= self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceTold:
    """What the check of a device found."""

    device: str
    torch: str
    findings: tuple[Finding, ...]
    table: str
    """The findings, for a reader."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetTold:
    """How large a dataset is."""

    people: int
    knees: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelTold:
    """What was written, and how well it has learnt."""

    files: tuple[str, ...]
    bytes: int
    anchor_r2: float | None
    validation_loss: float


def table(findings: Iterable[Finding]) -> str:
    """The findings as a table in Markdown."""
    lines = ["| | measured | at most | |", "|---|---|---|---|"]
    for one in findings:
        limit = "" if one.limit is None else f"{one.limit:g}"
        said = "" if one.limit is None else "holds" if one.holds else "**too far off**"
        lines.append(f"| {one.what} | {one.measured:.3g} {one.unit} | {limit} | {said} |")
    return "\n".join(lines) + "\n"


def account(found: Mapping[str, Mapping[str, Any]]) -> str:
    """What was found, for a reader.

    Args:
        found: part -> what table.json holds of it.
    """
    check, lines = found.get("check", {}), []
    if check:
        lines += [f"{check['device']}, torch {check['torch']}:", "", check["table"]]
    lines += ["| part | s | |", "|---|---|---|"]
    for name, told in found.items():
        said = ", ".join(f"{key} {value}" for key, value in told.items() if key not in _HIDDEN)
        lines.append(f"| {name} | {told['seconds']:.0f} | {said} |")
    if "judged" not in found:
        return "\n".join(lines) + "\n"
    heads = ("held-out people", "R2 (95 %)", "slope", "recognised", "by chance", "knees of people")
    lines += ["", f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|"]
    for name, one in found["judged"].items():
        if isinstance(one, Mapping):
            low, high = one["interval"]
            lines.append(
                f"| {name} | {one['r2']:.3f} ({low:.3f} to {high:.3f}) | {one['slope']:.2f} | {one['recognised']:.0%} "
                f"| {one['chance']:.0%} | {one['pairs']} of {one['people']} |"
            )
    return "\n".join(lines) + "\n"
