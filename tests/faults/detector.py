"""Detector folders that say what no detector of this project says, each made from the bundled one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

CODE = "__import__('pathlib').Path('let-in').touch()"
"""What would leave a file behind if it were run."""


def _layer(number: int, at: int, value: Any) -> Callable[[dict], None]:
    def change(facts: dict) -> None:
        facts["network"]["backbone"][number][at] = value

    return change


def _wide(facts: dict) -> None:
    """Every layer as wide and as often as one may be: some 2,900 million weights."""
    facts["network"]["scales"] = {"n": [2, 1.5, 1024]}
    for layer in facts["network"]["backbone"]:
        layer[1], layer[3][0] = 6, 1024


def _doubled(facts: dict) -> None:
    """Rows and columns doubled 14 times over."""
    facts["network"]["backbone"][:0] = [[-1, 1, "nn.Upsample", ["None", 2, "nearest"]]] * 14


def _network(name: str, value: Any) -> Callable[[dict], None]:
    return lambda facts: facts["network"].update({name: value})


FORGERIES: dict[str, tuple[Callable[[dict], None], str]] = {
    "code as the activation": (_network("activation", CODE), "network.activation is unknown"),
    "code as a module": (_layer(0, 2, CODE), "network layer 0[2] must be one of Conv, "),
    "code as an argument": (_layer(0, 3, [CODE, 3, 2]), "network layer 0: Conv[0] must be a whole number"),
    "code as repeats": (_layer(0, 1, CODE), "network layer 0[1] must be a whole number"),
    "code as the source": (_layer(0, 0, CODE), "network layer 0's source must be a whole number"),
    "a module of torch": (_layer(0, 2, "nn.Linear"), "network layer 0[2] must be one of Conv, "),
    "a source to come": (_layer(1, 0, 7), "network layer 1's source must be -1 to 0"),
    "a million channels": (_layer(0, 3, [10**6, 3, 2]), "network layer 0: Conv[0] must be 1 to 1024"),
    "ten thousand repeats": (_layer(2, 1, 10_000), "network layer 2[1] must be 1 to 6"),
    "a layer that is a number": (lambda facts: facts["network"]["head"].append(3), "network.head[7] must be a list"),
    "a network that is a list": (lambda facts: facts.update(network=[]), "network must be an object"),
    "an unknown scale": (_network("scale", "../x"), "network.scale must be one of n"),
    "widest layers": (_wide, "network must have at most 250 million weights, not some "),
    "pictures doubled again and again": (_doubled, "network must have at most 3 nn.Upsample, not 15"),
    "size 0": (lambda facts: facts.update(size=0), "size must be 64 to 2048"),
    "size -5": (lambda facts: facts.update(size=-5), "size must be 64 to 2048"),
    "size 10^6": (lambda facts: facts.update(size=10**6), "size must be 64 to 2048"),
    "size 65": (lambda facts: facts.update(size=65), "size must be a multiple of 32"),
}
"""Kind -> what it does to architecture.json, and what is said of it."""


def forged_detector(bundled: Path, folder: Path, kind: str) -> Path:
    """A copy of a detector's folder whose architecture.json has been tampered with."""
    shutil.copytree(bundled, folder)
    file = folder / "architecture.json"
    facts = json.loads(file.read_bytes())
    FORGERIES[kind][0](facts)
    file.write_text(json.dumps(facts))
    return folder
