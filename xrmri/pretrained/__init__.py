"""What comes trained with the package: a detector, and a model of synthetic knees."""

from pathlib import Path

BUNDLED_DETECTOR, BUNDLED_LDM = (Path(__file__).parent / name for name in ("detector", "ldm"))
