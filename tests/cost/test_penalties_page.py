"""Does the example of docs/penalties.md run, and end cheaper than it began?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "penalties.md"


def test_the_example_runs() -> None:
    pytest.importorskip("torch")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    even = names["expected"]([names["torch"].full((w,), 1.0 / w) for w in names["space"].widths])
    assert float(names["cost"].energy_pJ.detach()) < float(even.energy_pJ)  # most of it is the chip's leakage
    assert float(names["cost"].crossbars) < 0.5 * float(even.crossbars)
    assert [int(x.argmax()) for x in names["logits"]] == [0, 0, 0]
