"""Small files in every format, and the folder of the larger sets where it is present."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(name, lines): a text file below a folder of raw files, which it returns."""

    def put(name: str, lines: list[str] | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode(encoding, "surrogateescape")
        )
        return tmp_path / "raw"

    return put


@pytest.fixture
def spec(tmp_path: Path) -> Callable[[str], Path]:
    """spec(text): a YAML column spec of a set whose rows are in rows.csv."""

    def put(text: str) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_text("name: mine\nfiles: [rows.csv]\nlabel: {column: y}\n" + text, "utf-8")
        return path

    return put


def people(rows: int, seed: int = 0) -> list[str]:
    """Lines of a csv file: y, number, word, time."""
    generator = np.random.default_rng(seed)
    numbers, words = generator.normal(size=rows), generator.integers(0, 9, rows)
    return ["y,n,w,t", *(f"{i % 2},{numbers[i]:.4f},w{words[i]},{(i * 7919) % rows}" for i in range(rows))]
