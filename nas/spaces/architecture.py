"""Networks of the NASRec space as values: choice blocks, their operators, widths and connections, and their JSON.

The JSON is the one in which the authors of NASRec published theirs: `micro` holds operators and widths of each block,
`macro` which earlier outputs it reads (0 is the stem, n the n-th block).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pimsim.errors import InputError, printable
from pimsim.hardware.suggest import nearest
from pimsim.report.atomic import write_atomic

DENSE_OPERATORS = ("linear-2d", "dot-product", "sigmoid-gating", "sum")
SPARSE_OPERATORS = ("transformer", "linear-3d")
OPERATORS = (*DENSE_OPERATORS, *SPARSE_OPERATORS)
CONFIGS: Mapping[str, tuple[str, ...]] = {"xlarge": OPERATORS, "autoctr": ("linear-2d", "dot-product", "linear-3d")}
"""Operator lists by the name that published files give: NASRec-Full and NASRec-Small."""

MERGED_ROWS = 8
"""Sparse rows that the dense-to-sparse merger appends."""

LARGEST_FILE = 1 << 20
LARGEST_WIDTH = 1 << 16
MOST_BLOCKS = 62
_LISTS = ("dense_idx", "sparse_idx", "dense_left_idx", "dense_right_idx")


@dataclass(frozen=True, slots=True)
class Block:
    """One choice block.

    operators: one dense and one sparse operator; a path of the supernet may hold several, whose outputs are added.
    dense, sparse: earlier outputs that are concatenated; left, right: inputs of `sum` and `sigmoid-gating`.
    merge_dense: append the dense output, projected, as MERGED_ROWS sparse rows. merge_fm: add the factorisation machine
    of the sparse output to the dense output. code: CODE_WORDS int64 numbers that say the same, for kernels.
    """

    operators: tuple[str, ...]
    dense_width: int
    sparse_width: int
    merge_dense: bool
    merge_fm: bool
    dense: tuple[int, ...]
    sparse: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    code: bytes = field(default=b"", init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # The order of connections and operators means nothing: one network is one value.
        for name in ("dense", "sparse", "left", "right"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        known = sorted(set(self.operators), key=lambda name: (*OPERATORS, name).index(name))
        object.__setattr__(self, "operators", tuple(known))
        object.__setattr__(self, "code", _code(self))

    @property
    def dense_operators(self) -> tuple[str, ...]:
        """Those that give the dense output."""
        return tuple(name for name in self.operators if name in DENSE_OPERATORS)

    @property
    def sparse_operators(self) -> tuple[str, ...]:
        """Those that give the sparse output."""
        return tuple(name for name in self.operators if name in SPARSE_OPERATORS)

    @property
    def sparse_rows(self) -> int:
        """Rows of the sparse output, the merged ones with them."""
        return self.sparse_width + MERGED_ROWS * self.merge_dense


CODE_WORDS = 8
"""Operators as bits (places in OPERATORS), dense and sparse width, mergers (1: dense, 2: FM), dense and sparse inputs
as bits, first left and first right input."""


def _code(block: Block) -> bytes:
    dense, sparse = (sum(1 << i for i in places if 0 <= i <= MOST_BLOCKS) for places in (block.dense, block.sparse))
    operators = sum(1 << OPERATORS.index(name) for name in block.operators if name in OPERATORS)
    mergers = block.merge_dense + 2 * block.merge_fm
    first = (block.left or (0,))[0], (block.right or (0,))[0]
    words = (operators, block.dense_width, block.sparse_width, mergers, dense, sparse, *first)
    return b"".join([(word & (1 << 64) - 1).to_bytes(8, "little") for word in words])


@dataclass(frozen=True)
class Architecture:
    """A network of the space. Equal networks are equal values, whatever order their file lists connections in.

    config: name of the operator list; operators: that list, whose places the JSON's `active_nodes` name. balanced: the
    dot product projects its features to about sqrt(2 x width) first. text: the file that it came from, word for word.
    Raises InputError where a block has no dense or no sparse operator, or reads what does not precede it.
    """

    blocks: tuple[Block, ...]
    config: str = "xlarge"
    operators: tuple[str, ...] = OPERATORS
    use_layernorm: bool = True
    balanced: bool = True
    text: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= len(self.blocks) <= MOST_BLOCKS:
            raise InputError(f"an architecture has 1 to {MOST_BLOCKS} blocks; got {len(self.blocks)}")
        for at, block in enumerate(self.blocks):
            _check_block(f"block {at}", block, at, self.operators)

    def __len__(self) -> int:
        return len(self.blocks)

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits that are the same in every process for equal architectures."""
        return hashlib.sha256(self._written().encode()).hexdigest()[:16]

    @property
    def single(self) -> bool:
        """Whether each block has one operator of each kind and one left and right input: not a path of a supernet."""
        return all(len(b.operators) == 2 and len(b.left) == len(b.right) == 1 for b in self.blocks)

    def to_json(self) -> str:
        """The architecture as JSON text; one that was read gives back the text it was read from."""
        if self.text and Architecture.from_json(self.text) == self:
            return self.text
        return self._written()

    def _written(self) -> str:
        place = {name: at for at, name in enumerate(self.operators)}
        micro = [
            {
                "active_nodes": sorted(place[name] for name in block.operators),
                "dense_in_dims": block.dense_width,
                "sparse_in_dims": block.sparse_width,
                "dense_sparse_interact": int(block.merge_dense),
                "deep_fm": int(block.merge_fm),
            }
            for block in self.blocks
        ]
        macro = [
            dict(zip(_LISTS, map(list, (b.dense, b.sparse, b.left, b.right)), strict=True)) for b in self.blocks
        ]
        written: dict[str, Any] = {
            "micro": micro, "macro": macro, "num_blocks": len(self), "use_layernorm": int(self.use_layernorm),
            "config": self.config,
        }  # fmt: skip
        if CONFIGS.get(self.config) != self.operators:
            written["operators"] = list(self.operators)
        if not self.balanced:
            written["balanced"] = 0
        return json.dumps(written)

    @staticmethod
    def from_json(text: str) -> Architecture:
        """The architecture that `text` describes. Raises InputError, naming the field, for anything else."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as fault:
            raise InputError(f"not a JSON text ({printable(fault, 80)})") from fault
        if not isinstance(found, dict):
            raise InputError(f"an architecture is a JSON object; got a {type(found).__name__}")
        config = found.get("config", "xlarge")
        operators = tuple(_operators(found, config))
        micro, macro = _list(found, "micro"), _list(found, "macro")
        count = found.get("num_blocks", len(micro))
        if not len(micro) == len(macro) == count:
            raise InputError(
                f"micro, macro and num_blocks disagree: {len(micro)} and {len(macro)} entries, {printable(count, 20)}"
            )
        blocks = tuple(_block(i, *both, operators) for i, both in enumerate(zip(micro, macro, strict=True)))
        return Architecture(
            blocks, config, operators, _flag(found, "use_layernorm", "", 1), _flag(found, "balanced", "", 1), text
        )

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Architecture:
        """The architecture in a JSON file. Raises InputError with the file's name."""
        shown = printable(path)
        try:
            data = Path(path).read_bytes() if os.stat(path).st_size <= LARGEST_FILE else None
        except (OSError, ValueError) as fault:
            raise InputError(f"cannot read {shown}: {printable(getattr(fault, 'strerror', None) or fault)}") from fault
        if data is None:
            raise InputError(f"{shown}: larger than {LARGEST_FILE:,} bytes; no architecture is")
        try:
            return Architecture.from_json(data.decode())
        except UnicodeDecodeError as fault:
            raise InputError(f"{shown}: not UTF-8 text") from fault
        except InputError as fault:
            raise InputError(f"{shown}: {fault.problems[0]}") from fault

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON, whole or not at all."""
        write_atomic(path, self.to_json())


def _check_block(where: str, block: Block, at: int, operators: Sequence[str]) -> None:
    for name in block.operators:
        if name not in operators:
            raise InputError(f"{where}: operator {name} is not one of {', '.join(operators)}")
    if not (block.dense_operators and block.sparse_operators):
        raise InputError(f"{where}: needs a dense and a sparse operator; got {', '.join(block.operators) or 'none'}")
    for name in ("dense_width", "sparse_width"):
        if not 1 <= getattr(block, name) <= LARGEST_WIDTH:
            raise InputError(f"{where}: {name} must be 1 to {LARGEST_WIDTH:,}; got {getattr(block, name)}")
    for name in ("dense", "sparse", "left", "right"):
        sources = getattr(block, name)
        if not sources or sources[0] < 0 or sources[-1] > at:
            raise InputError(f"{where}: {name} reads one or more of the outputs 0 to {at}; got {list(sources)}")


def _operators(found: dict[str, Any], config: Any) -> Sequence[str]:
    if "operators" in found:
        listed = _list(found, "operators")
        if len(set(map(str, listed))) != len(listed):
            raise InputError("operators: names one operator twice")
        for name in listed:
            if name not in OPERATORS:
                raise InputError(f"operators: {printable(name, 40)!r} is not one of {', '.join(OPERATORS)}")
        return listed
    if not isinstance(config, str) or config not in CONFIGS:
        near = nearest(config, CONFIGS) if isinstance(config, str) else None
        hint = f"; did you mean {near}?" if near else ""
        raise InputError(f"config must be one of {', '.join(CONFIGS)}; got {printable(config, 40)!r}{hint}")
    return CONFIGS[config]


def _block(at: int, micro: Any, macro: Any, operators: tuple[str, ...]) -> Block:
    where = f"block {at}: "
    if not (isinstance(micro, dict) and isinstance(macro, dict)):
        raise InputError(f"{where}entries of micro and macro are objects")
    active = _whole_numbers(micro, "active_nodes", where, len(operators) - 1)
    reads = [_whole_numbers(macro, name, where, at) for name in _LISTS]
    return Block(
        tuple(operators[i] for i in active),
        _width(micro, "dense_in_dims", where),
        _width(micro, "sparse_in_dims", where),
        _flag(micro, "dense_sparse_interact", where),
        _flag(micro, "deep_fm", where),
        *reads,
    )


def _list(found: Mapping[str, Any], name: str, where: str = "") -> list[Any]:
    value = found.get(name)
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}{name} must be a list with entries; got {printable(value, 40)}")
    return value


def _whole_numbers(found: Mapping[str, Any], name: str, where: str, most: int) -> tuple[int, ...]:
    values = _list(found, name, where)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise InputError(f"{where}{name} holds whole numbers from 0 to {most}; got {printable(value, 40)}")
    return tuple(values)


def _width(found: Mapping[str, Any], name: str, where: str) -> int:
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_WIDTH:
        limits = f"a whole number from 1 to {LARGEST_WIDTH:,}"
        raise InputError(f"{where}{name} must be {limits}; got {printable(value, 40)}")
    return value


def _flag(found: Mapping[str, Any], name: str, where: str, default: int | None = None) -> bool:
    value = found.get(name, default)
    if value not in (0, 1) or isinstance(value, float):
        raise InputError(f"{where}{name} must be 0 or 1; got {printable(value, 40)}")
    return bool(value)
