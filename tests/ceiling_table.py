"""The table of docs/evaluation.md, from the evaluations that tests/ceiling.sh made.

    python tests/ceiling_table.py FOLDER
"""

import json
import sys
from pathlib import Path

frames = {
    frame: json.loads((Path(sys.argv[1]) / f"evaluation-{frame}" / "summary.json").read_text(encoding="utf-8"))
    for frame in ("scanner", "knee")
}


def told(found: dict | None, digits: int = 3) -> str:
    if not found or not found["interval"]:
        return "–"
    low, high = found["interval"]
    return f"{found['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def recognised(summary: dict, way: str, source: str) -> str:
    found = summary["recognition"][way]["sources"].get(source)
    return f"{100 * found['accuracy']:.0f} % of {found['candidates']}" if found else "–"


print("| | scanner's frame | knee's frame |\n|---|---|---|")
for region in ("whole", "joint"):
    row = [told(summary["fidelity"][region]["ceiling"]) for summary in frames.values()]
    print(f"| ceiling of R², {region} | {' | '.join(row)} |")
    row = [told(summary["fidelity"][region]["share_of_ceiling"], 2) for summary in frames.values()]
    print(f"| the cheat's share of it, {region} | {' | '.join(row)} |")
for source in ("twin", "mean_of_twins", "ridge"):
    row = [told(summary["fidelity"]["whole"]["sources"].get(source, {}).get("r2")) for summary in frames.values()]
    print(f"| R², {source} | {' | '.join(row)} |")
    for way in ("squared", "deviations", "joint"):
        row = [recognised(summary, way, source) for summary in frames.values()]
        print(f"| recognised by {way}, {source} | {' | '.join(row)} |")
