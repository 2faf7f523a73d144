"""checklist.md: what journals ask of such a study, filled in from files; what no file can tell is named as open."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

from xrmri.data_manifests import reporting_checklists

Filled = tuple[str, str]
"""What is told, and what is still open; either may be empty."""


def checklist(known: Mapping[str, str]) -> str:
    """All checklists as Markdown.

    Args:
        known: name -> answer, as `evaluation.known.known` gives it.
    """
    parts = [_part(one, known) for one in reporting_checklists()]
    told = "Filled in by `xrmri evaluate` from the run.json files of volumes, model and dataset. Check it, and fill in "
    return "\n".join(["# Reporting checklists\n", f"{told}what is open.\n", *parts])


def filled(item: Mapping[str, Any], known: Mapping[str, str]) -> Filled:
    """One item: its template with the answers put in; open where it lacks one of them."""
    template = item.get("told", "")
    missing = [name for _, name, _, _ in Formatter().parse(template) if name and name not in known]
    still = item.get("open", "")
    if missing:
        return "", still or f"no file tells {', '.join(dict.fromkeys(missing)).replace('_', ' ')}"
    return template.format_map(known), still


def _part(one: Mapping[str, Any], known: Mapping[str, str]) -> str:
    answers = {item["number"]: filled(item, known) for item in one["items"]}
    left = [number for number, (_, still) in answers.items() if still]
    rows = [f"| {item['number']} | {item['asks']} | {_cell(*answers[item['number']])} |" for item in one["items"]]
    return "\n".join(
        [
            f"## {one['name']}\n",
            f"{one['source']}\n",
            f"**Open, {len(left)} of {len(rows)}: {', '.join(left) or 'none'}.**\n",
            "| item | asks | answer |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _cell(told: str, still: str) -> str:
    text = " ".join(part for part in (told, f"**Open:** {still}." if still else "") if part)
    return text.replace("|", "\\|").replace("\n", " ")
