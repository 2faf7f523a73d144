"""nothing -> dataset/ of drawn people in the knee's frame, both knees of each: `python -m xrmri.stages.draw_cohort`.

What `xrmri phantom`, detect-knee and build-dataset make in three commands, with no file in between, in half the time:
each knee is laid onto the template as there, and boxes are off as a detector's are.
"""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path

from xrmri.config import BuildDataset, Execution
from xrmri.errors import InputError
from xrmri.runs.ending import exit_code_of


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xrmri.stages.draw_cohort", description="Draw people into a dataset of the knee's frame."
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the dataset")
    parser.add_argument("--people", type=int, required=True, help="both knees of each are drawn")
    parser.add_argument("--seed", type=int, default=0, help="of the cohort (default 0)")
    parser.add_argument("--matrix", type=int, default=256, help="rows of the FLASH, in whole 128 (default 256)")
    parser.add_argument("--size", type=int, default=256, help="rows of slices and radiographs (default 256)")
    parser.add_argument("--shares", type=float, nargs=3, default=(0.8, 0.12, 0.08), help="of train, val and test")
    parser.add_argument("--frame", type=Path, help="a dataset whose frame is taken (default: one of its own)")
    rare = "only people of whom a cyst, attrition or chondrocalcinosis was read"
    parser.add_argument("--rare", action="store_true", help=rare)
    parser.add_argument("--workers", type=int, default=0, help="processes (default: one a core)")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return exit_code_of(partial(_draw, given))


def _draw(given: argparse.Namespace) -> None:
    from xrmri.making.cohort import draw_cohort  # here, so that a signal meanwhile ends it in its one line
    from xrmri.making.people import CohortPlan

    if given.people < 3 or given.matrix < 128 or given.matrix % 128:
        raise InputError("--people must be at least 3, --matrix 128 or a whole number of them")
    plan = CohortPlan(seed=given.seed, count=given.people, matrix=given.matrix, rare=given.rare)
    config = BuildDataset(size=given.size, shares=tuple(given.shares), frame="knee")
    draw_cohort(given.out, plan, config, Execution(workers=given.workers), frame=given.frame)


if __name__ == "__main__":
    sys.exit(main())
