"""What a training starts from: nothing, an earlier folder, or a public Zero-1-to-3 checkpoint."""

import csv
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from xrmri.config import Training
from xrmri.errors import InputError
from xrmri.models.weights import read_tensors
from xrmri.models.zero123 import Row, account, table
from xrmri.storage.files import complete_or_absent, sha256
from xrmri.storage.names import cells

log = logging.getLogger(__name__)

ACCOUNT = "init.csv"
"""In the run folder: what became of every tensor of an imported checkpoint."""
Settings = TypeVar("Settings", bound=Training)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Imported:
    """A public checkpoint, its tensors not read yet."""

    file: Path
    state: Mapping[str, Tensor]

    def fingerprint(self) -> str:
        """Of its bytes."""
        return sha256(self.file)


def read_imported(init: Path | None) -> Imported | None:
    """The checkpoint that --init names; None where it names none, or a folder.

    Raises:
        InputError: the file cannot be read.
    """
    if init is None or init.is_dir():
        return None
    if not init.is_file():
        raise InputError(f"--init {init} is neither a checkpoint nor a folder from an earlier training")
    return Imported(file=init, state=read_tensors(init, "--init"))


def sized_like(config: Settings, sizes: Mapping[str, Any], file: Path) -> Settings:
    """The settings with the sizes of an imported network."""
    changed = {name: value for name, value in sizes.items() if getattr(config, name) != value}
    if changed:
        said = ", ".join(f"{name} {value}" for name, value in changed.items())
        log.info("sizes as in %s: %s", file.name, said)
    return replace(config, **changed)


def say_what_became_of_it(rows: list[Row], imported: Imported, out: Path) -> None:
    """Print the account of an imported checkpoint, and write it whole into the run folder."""
    log.info("%s: %d tensors", imported.file.name, len(imported.state))
    for line in account(rows):
        log.info("  %s", line)
    with complete_or_absent(out / ACCOUNT) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(map(cells, table(rows)))
