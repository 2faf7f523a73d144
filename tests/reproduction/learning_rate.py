"""The learning rate with the lowest loss on the val split, written into a method's settings, for `make reproduce`.

    python -m tests.reproduction.learning_rate SEARCH SETTINGS.toml

SEARCH holds one training a rate, and a rate is the name of its folder.
"""

import math
import sys
from pathlib import Path

from tests.reproduction.telling import last_loss
from xrmri.storage.files import write_text

NAME = "learning_rate"


def main(search: Path, settings: Path) -> None:
    losses = {folder.name: last_loss(folder) for folder in sorted(search.iterdir()) if folder.is_dir()}
    rate = min(losses, key=lambda name: losses[name])
    if math.isinf(losses[rate]):
        sys.exit(f"{search}: no training in it has finished; the run.json of each tells why")
    lines = [line for line in settings.read_text(encoding="utf-8").splitlines() if not line.startswith(NAME)]
    write_text(settings, "\n".join([*lines, f"{NAME} = {float(rate)!r}", ""]))
    told = ", ".join(f"{name}: {loss:.5f}" for name, loss in losses.items())
    print(f"{settings}: learning rate {rate} (validation loss {told})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
