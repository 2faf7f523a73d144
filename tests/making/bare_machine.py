"""`python tests/making/bare_machine.py ARGUMENTS`: xrmri.stages.gpu_model where some libraries are not installed."""

import sys
from importlib.machinery import PathFinder

ABSENT = {"SimpleITK", "ultralytics", "open_clip", "typer", "rich", "nibabel"}


class Finder(PathFinder):
    """Finds what is installed, as if those were not; in the processes that are started, too."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname.partition(".")[0] in ABSENT else super().find_spec(fullname, path, target)


sys.meta_path = [Finder if finder is PathFinder else finder for finder in sys.meta_path]

if __name__ == "__main__":
    from xrmri.stages.gpu_model import main

    sys.exit(main())
