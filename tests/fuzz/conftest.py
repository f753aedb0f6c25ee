"""Makes the mutators here, and the models of tests/corpus which they start from, importable (in child processes too)."""

import sys
from pathlib import Path

for _folder in (Path(__file__).parent, Path(__file__).parents[1] / "corpus"):
    sys.path.insert(0, str(_folder))
