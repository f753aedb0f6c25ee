"""Where the files that travel with the package are: hardware files, traces, validation data."""

from __future__ import annotations

from pathlib import Path


def data_folder(name: str) -> Path:
    """The folder `name` ("hwconfigs", "traces", "validation"): inside an installed package, or of the checkout.

    Raises FileNotFoundError when the installation lacks it, which is a fault of the installation, not of the user.
    """
    package = Path(__file__).resolve().parent
    installed = package / "_data" / name
    if installed.is_dir():
        return installed
    checkout = package.parent / name
    # Beside an installed package stand other packages' folders, which may have any name.
    if (package.parent / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    raise FileNotFoundError(f"the folder '{name}' is missing from this installation of pimsim ({package})")
