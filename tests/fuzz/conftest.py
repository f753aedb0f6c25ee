"""Makes the mutators, and the models of tests/corpus from which they start, importable."""

import sys
from pathlib import Path

for _folder in (Path(__file__).parent, Path(__file__).parents[1] / "corpus"):
    sys.path.insert(0, str(_folder))
