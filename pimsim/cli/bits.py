"""`--bits FILE.yaml`: bit widths per layer, as a mapping from layer-name patterns."""

from __future__ import annotations

from pathlib import Path

from pimsim.cli.parsing import did_you_mean
from pimsim.errors import InputError, printable

KEYS = ("weight_bits", "input_bits")
EXAMPLE = "'/layer1/*': {weight_bits: 4, input_bits: 8}"


def read_bits(path: str) -> dict[str, dict[str, int]]:
    """Layer-name pattern -> {weight_bits, input_bits} (one or both), in the order of the file.

    Raises InputError with every fault of the file, each with its line and column.
    """
    from pimsim.hardware.yaml_source import Mapping, Scalar, describe, parse_mapping, read_text

    tree = parse_mapping(read_text(Path(path), path), path)
    found: dict[str, dict[str, int]] = {}
    problems: list[str] = []
    for pattern, entry in tree.entries.items():
        node = entry.node
        if not isinstance(node, Mapping) or not node.entries:
            problems.append(
                f"{node.place}: {printable(pattern, 80)} must hold weight_bits, input_bits or both, "
                f"e.g. {EXAMPLE}; got {describe(node)}"
            )
            continue
        widths = found.setdefault(pattern, {})
        for key, value in node.entries.items():
            if key not in KEYS:
                near = did_you_mean(key, KEYS)
                shown = f"unknown key '{printable(key, 60)}'"
                problems.append(f"{value.key_place}: {shown}; allowed are weight_bits and input_bits{near}")
                continue
            width = value.node.value if isinstance(value.node, Scalar) else None
            if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= 32:
                problems.append(
                    f"{value.node.place}: {key} must be a whole number from 1 to 32; got {describe(value.node)}"
                )
                continue
            widths[key] = width
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
    if not found:
        raise InputError(f"{printable(path)}: holds no layer; write one line a pattern, e.g. {EXAMPLE}")
    return found
