"""What a result depends on beside its inputs: this program and the libraries it stands on."""

import importlib.metadata
import platform

PACKAGES = ("torch", "diffusers", "accelerate", "ultralytics", "open-clip-torch", "SimpleITK", "h5py", "numpy",
            "scikit-image")  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of this program and of what its results depend on."""
    found = {"python": platform.python_version()}
    for package in ("xrmri", *PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
