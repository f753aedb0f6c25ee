"""Seeded mutation of the structure of hardware files, on the node tree so that keys can repeat and aliases can loop."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

SCALARS = (
    "0", "1", "-1", "2", "7", "0.5", "-0.5", "1e-9", "1.5e9", "1e308", ".inf", "-.inf", ".nan", "9223372036854775808",
    "1" + "0" * 400, "true", "off", "null", "", "text", "1 GHz", "8bit", "reram_128", "no_such", "[/x]", "<script>",
    "=1+1", "a\nb",
    "\u202e", "2001-01-01", "0x10", "0o17", "1_000", "é" * 300,
)  # fmt: skip
TAGS = ("!!python/object/apply:os.system", "!!binary", "!!set", "!!int", "!!str", "!!timestamp", "!custom", "!!null")
EXTENDS = (
    "reram_128",
    "isaac",
    "self.yaml",
    "mutant.yaml",
    "../../etc/passwd",
    "/etc/passwd",
    "no_such",
    "[]",
    "{a: 1}",
    "",
)
YamlMutator = Callable[[MappingNode, random.Random], None]
MUTATORS: list[YamlMutator] = []


def mutator(function: YamlMutator) -> YamlMutator:
    """Register a mutation."""
    MUTATORS.append(function)
    return function


def yaml_mutant(seed: int, folder: Path) -> str:
    """The text of this seed's mutant of one of the hardware files in `folder`."""
    rng = random.Random(seed)
    source = rng.choice(sorted(folder.glob("*.yaml"))).read_text(encoding="utf-8")
    tree = yaml.compose(source, Loader=yaml.SafeLoader)
    if rng.random() < 0.3:  # a file that extends a shipped one and overrides a part
        tree = _extension(tree, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice((*MUTATORS, *[scale_number] * 8))(tree, rng)
    text = yaml.serialize(tree, Dumper=yaml.SafeDumper, allow_unicode=True)
    return _wrap(text, rng) if rng.random() < 0.08 else text


def _extension(tree: MappingNode, rng: random.Random) -> MappingNode:
    kept = rng.sample(tree.value, min(len(tree.value), rng.choice((0, 1, 2, 4))))
    name = ScalarNode("tag:yaml.org,2002:str", "name"), ScalarNode("tag:yaml.org,2002:str", "mutant")
    return MappingNode(tree.tag, [(_text("extends"), _scalar(rng.choice(EXTENDS[:2]))), name, *kept])


def _wrap(text: str, rng: random.Random) -> str:
    return rng.choice((
        "---\n" + text + "\n---\n" + text, "- " + text.replace("\n", "\n  "), "{" * 500, "[" * 5000, "&a [*a]\n",
        "%YAML 9.9\n---\n" + text,
        "\t" + text, text + "\n\x00", "\ufeff" + text, "", "# nothing\n", "null\n", "? [a, b]\n: c\n" + text,
        "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{c}: &{c} [{','.join(['*' + p] * 9)}]\n" for p, c in zip("abcdefgh",
        "bcdefghi", strict=True)),
    ))  # fmt: skip


def _text(value: str) -> ScalarNode:
    return ScalarNode("tag:yaml.org,2002:str", value)


def _scalar(value: str) -> ScalarNode:
    tag = yaml.SafeLoader("").resolve(ScalarNode, value, (True, False))
    return ScalarNode(tag, value, style=None)


def _mappings(tree: Node) -> list[MappingNode]:
    found, stack, seen = [], [tree], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            stack.extend(value for _, value in node.value)
            if node.value:
                found.append(node)
        elif isinstance(node, SequenceNode):
            stack.extend(node.value)
    return found or [tree]


def _slot(tree: MappingNode, rng: random.Random) -> tuple[MappingNode, int]:
    mapping = rng.choice(_mappings(tree))
    if not getattr(mapping, "value", None):
        mapping.value = [(_text("a"), _text("b"))]
    return mapping, rng.randrange(len(mapping.value))


@mutator
def change_value(tree: MappingNode, rng: random.Random) -> None:
    mapping, i = _slot(tree, rng)
    mapping.value[i] = (mapping.value[i][0], _scalar(rng.choice(SCALARS)))


def _plain(node: ScalarNode) -> int | float | None:
    """The number that a scalar's text is; None for any other text."""
    for kind in (int, float):
        try:
            return kind(node.value)
        except ValueError:
            continue
    return None


@mutator
def scale_number(tree: MappingNode, rng: random.Random) -> None:
    """A number times a power: mostly a valid file."""
    numbers = [
        (mapping, i)
        for mapping in _mappings(tree)
        for i, (_, value) in enumerate(mapping.value)
        if isinstance(value, ScalarNode) and _plain(value) is not None
    ]
    if numbers:
        mapping, i = rng.choice(numbers)
        key, value = mapping.value[i]
        number = _plain(value)
        scaled = (
            number * rng.choice((0, 2, 4, 1000, 10**9))
            if isinstance(number, int)
            else number * rng.choice((0.1, 1e6, -1))
        )
        mapping.value[i] = (key, _scalar(repr(scaled)))


@mutator
def change_kind(tree: MappingNode, rng: random.Random) -> None:
    mapping, i = _slot(tree, rng)
    key, value = mapping.value[i]
    listed = SequenceNode("tag:yaml.org,2002:seq", [value] * rng.choice((0, 1, 3)), flow_style=True)
    nested = MappingNode("tag:yaml.org,2002:map", [(_text("inner"), value)])
    mapping.value[i] = (key, rng.choice((listed, nested)))


@mutator
def drop_key(tree: MappingNode, rng: random.Random) -> None:
    mapping, i = _slot(tree, rng)
    del mapping.value[i]


@mutator
def rename_key(tree: MappingNode, rng: random.Random) -> None:
    mapping, i = _slot(tree, rng)
    key, value = mapping.value[i]
    name = str(getattr(key, "value", ""))
    mapping.value[i] = (_scalar(rng.choice((name + "s", name.upper(), name[:-1], *SCALARS))), value)


@mutator
def repeat_key(tree: MappingNode, rng: random.Random) -> None:
    mapping, i = _slot(tree, rng)
    mapping.value.append(mapping.value[i])


@mutator
def move_subtree(tree: MappingNode, rng: random.Random) -> None:
    """A subtree to another place, or an alias of a part inside itself."""
    mapping, i = _slot(tree, rng)
    other, j = _slot(tree, rng)
    other.value[j] = (other.value[j][0], mapping.value[i][1])


@mutator
def tag_value(tree: MappingNode, rng: random.Random) -> None:
    mapping, i = _slot(tree, rng)
    mapping.value[i][1].tag = rng.choice(TAGS).replace("!!", "tag:yaml.org,2002:")


@mutator
def merge_key(tree: MappingNode, rng: random.Random) -> None:
    mapping, _ = _slot(tree, rng)
    other, _ = _slot(tree, rng)
    mapping.value.append((ScalarNode("tag:yaml.org,2002:merge", "<<"), other))


@mutator
def extend_something(tree: MappingNode, rng: random.Random) -> None:
    tree.value.append((_text("extends"), _scalar(rng.choice(EXTENDS))))


@mutator
def nest_deeply(tree: MappingNode, rng: random.Random) -> None:
    mapping, i = _slot(tree, rng)
    key, value = mapping.value[i]
    for _ in range(rng.choice((5, 50, 120))):
        value = MappingNode("tag:yaml.org,2002:map", [(_text("a"), value)], flow_style=True)
    mapping.value[i] = (key, value)


@mutator
def add_many_keys(tree: MappingNode, rng: random.Random) -> None:
    mapping, _ = _slot(tree, rng)
    mapping.value.extend((_text(f"key_{i}"), _text("1")) for i in range(rng.choice((1, 30, 500))))
