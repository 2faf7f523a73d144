"""What a training says as it goes: metrics.jsonl, one JSON object a row."""

import json
from pathlib import Path
from typing import Any

METRICS = "metrics.jsonl"


class Metrics:
    """metrics.jsonl of a run folder."""

    def __init__(self, folder: Path, *, step: int) -> None:
        """Open it to go on after a step: rows of later steps were never saved as weights, and are drawn anew."""
        self.file = folder / METRICS
        kept = [row for row in read_metrics(self.file) if row["step"] <= step]
        partial = self.file.with_suffix(".partial")
        partial.write_text("".join(f"{json.dumps(row)}\n" for row in kept), encoding="utf-8")
        partial.replace(self.file)

    def write(self, row: dict[str, Any]) -> None:
        """Add a row."""
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(f"{json.dumps(row)}\n")


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl; a last row that was cut short by a kill is left out."""
    if not file.is_file():
        return []
    rows = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
