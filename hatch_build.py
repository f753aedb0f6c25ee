"""Compile the sources of an editable install.

pip compiles what it installs, but an editable install leaves the sources where they are: with bytecode writing switched
off (as images for continuous integration often do), every start of `pimsim` would compile a hundred modules again.
"""

import compileall
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileEditable(BuildHookInterface):
    """Runs when pip builds the wheel; for an ordinary wheel it does nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            for package in ("pimsim", "nas"):
                compileall.compile_dir(Path(self.root, package), quiet=2)
