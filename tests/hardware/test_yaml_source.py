"""Is every YAML file either one bounded tree, or one error that names its place?"""

from __future__ import annotations

from typing import Any

import pytest

from pimsim.errors import InputError, Place
from pimsim.hardware import yaml_source
from pimsim.hardware.yaml_source import MAX_BYTES, MAX_NODES, Mapping, parse_mapping, parse_value, plain, read_text

REFUSED = {
    "empty": ("", "f.yaml:1:1: the file is empty; expected a mapping of keys to values"),
    "comment": ("# nothing\n", "f.yaml:1:1: the file is empty; expected a mapping of keys to values"),
    "list": ("- 1\n", "f.yaml:1:1: expected a mapping of keys to values; got a list"),
    "text": ("\n hello\n", "f.yaml:2:2: expected a mapping of keys to values; got text 'hello'"),
    "number": ("7", "f.yaml:1:1: expected a mapping of keys to values; got 7"),
    "null": ("~", "f.yaml:1:1: expected a mapping of keys to values; got nothing (null)"),
    "duplicate": ("a: 1\nb: 2\na: 3", "f.yaml:3:1: the key 'a' stands here a second time; the first is on line 1"),
    "duplicate below": (
        "x:\n  a: 1\n  'a': 3",
        "f.yaml:3:3: the key 'a' stands here a second time; the first is on line 2",
    ),
    "number as key": (
        "a: {1: 2}",
        "f.yaml:1:5: a key must be text; got 1 (between braces a comma starts the next key)",
    ),
    "truth as key": ("true: 2", "f.yaml:1:1: a key must be text; got true"),
    "null as key": ("? \n: 2", "f.yaml:1:2: a key must be text; got nothing"),
    "list as key": (
        "? [a]\n: b",
        "f.yaml:1:3: a key must be plain text, not a list, a mapping, an anchor or an alias",
    ),
    "alias as key": (
        "a: &x b\n*x : c",
        "f.yaml:2:1: a key must be plain text, not a list, a mapping, an anchor or an alias",
    ),
    "merge key": (
        "a: &x {b: 1}\nc:\n  <<: *x",
        "f.yaml:3:3: merge keys (<<) are not read; use 'extends: FILE', or repeat the values",
    ),
    "two documents": ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document starts here; one file holds one"),
    "python tag": (
        "a: !!python/object/apply:os.system [ls]",
        "f.yaml:1:4: the tag '!!python/object/apply:os.system' is not allowed; write the plain value",
    ),
    "own tag": ("a: !x 1", "f.yaml:1:4: the tag '!x' is not allowed; write the plain value"),
    "tag on key": ("!!binary a: 1", "f.yaml:1:1: the tag '!!binary' is not allowed; write the plain value"),
    "set": ("a: !!set {b}", "f.yaml:1:4: the tag '!!set' is not allowed; write the plain value"),
    "tag that does not fit": ("a: !!int x", "f.yaml:1:4: text 'x' does not fit its tag !!int"),
    "no anchor": ("a: *b", "f.yaml:1:4: alias '*b' has no anchor '&b' before it"),
    "alias in itself": ("a: &x [*x]", "f.yaml:1:8: alias '*x' stands inside its own anchor"),
    "anchor twice": ("a: &x 1\nb: &x 2", "f.yaml:2:4: anchor '&x' is defined twice"),
    "control character": ("a: 1\nb: \x07", "f.yaml:2:4: character U+0007 is not allowed in YAML"),
    "NUL": ("a: \0", "f.yaml:1:4: character U+0000 is not allowed in YAML"),
    "colon": (
        "a: b: c",
        "f.yaml:1:5: not valid YAML: mapping values are not allowed in this context"
        " (text with ': ' in it needs quotes; or the indentation is off)",
    ),
    "depth": ("a:\n" + "- " * 60 + "1", "f.yaml:2:99: nested deeper than 50 levels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_place(case: str) -> None:
    text, message = REFUSED[case]
    with pytest.raises(InputError) as caught:
        parse_mapping(text, "f.yaml")
    assert caught.value.problems == (message,)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("a: 'x", "f.yaml:1:"),
        ("a: [1, 2\nb: 3", "f.yaml:2:"),
        ("a:\n\t- b", "f.yaml:2:1: not valid YAML: found character"),
        ("a: 1\n b: 2", "f.yaml:2:"),
        ("%YAML 9.9\n---\na: 1", "f.yaml:1:1: not valid YAML"),
    ],
)
def test_syntax_errors_are_one_line_with_place(text: str, start: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_mapping(text, "f.yaml")
    (line,) = caught.value.problems
    assert line.startswith(start)
    assert "not valid YAML" in line
    assert "\n" not in line


VALUES: list[tuple[str, Any]] = [
    ("1", 1), ("-3", -3), ("+4", 4), ("0x1F", 31), ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("1e-9", 1e-9),
    ("1E+20", 1e20), ("1e3", 1000), ("3.0", 3), ("-0.0", 0), ("2.5e-3", 0.0025), ("9007199254740993", 2**53 + 1),
    ("100000000000000000000", 1e20), ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
    ("on", "on"), ("off", "off"), ("yes", "yes"), ("No", "No"), ("y", "y"), ("1:30", "1:30"), ("1_000", "1_000"),
    ("010", "010"), ("0o17", "0o17"), (".inf", ".inf"), ("-.INF", "-.INF"), (".nan", ".nan"), ("1e999", "1e999"),
    ("2024-01-02", "2024-01-02"), ("'5'", "5"), ('"true"', "true"), ("!!str 5", "5"), ("! 5", "5"), ("!!float 5", 5),
    ("9" * 500, "9" * 500), ("=", "="), ("1.2.3", "1.2.3"), ("e5", "e5"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_plain_values(text: str, value: Any) -> None:
    read = plain(parse_mapping(f"a: {text}", "f.yaml"))
    assert read == {"a": value}
    assert type(read["a"]) is type(value)  # type: ignore[index]


def test_every_key_and_value_has_its_place() -> None:
    tree = parse_mapping("a: 1\nb:\n  - x\n  - {c: y}\n", "f.yaml")
    b = tree.entries["b"]
    assert isinstance(b.node, yaml_source.Listing)
    inner = b.node.items[1]
    assert isinstance(inner, Mapping)
    assert str(tree.entries["a"].node.place) == "f.yaml:1:4"
    assert str(b.key_place) == "f.yaml:2:1"
    assert str(inner.entries["c"].key_place) == "f.yaml:4:6"
    assert str(inner.entries["c"].node.place) == "f.yaml:4:9"


def test_aliases_repeat_a_value() -> None:
    assert plain(parse_mapping("a: &x {b: [1]}\nc: *x\n", "f")) == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_alias_bomb_is_refused_while_reading() -> None:
    rows = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    rows += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    with pytest.raises(InputError, match=r"more than 20000 values \(aliases expanded\)"):
        parse_mapping("\n".join(rows), "f.yaml")


def test_number_of_aliases_and_their_depth_are_bounded() -> None:
    with pytest.raises(InputError, match=r"f\.yaml:102:7: more than 100 aliases"):
        parse_mapping("a: &a 1\n" + "".join(f"b{i}: *a\n" for i in range(200)), "f.yaml")
    deep = "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 20 + "*a" + "]" * 20
    with pytest.raises(InputError, match=r"f\.yaml:2:24: nested deeper than 50 levels"):
        parse_mapping(deep, "f.yaml")


def test_number_of_values_is_bounded() -> None:
    with pytest.raises(InputError, match="more than 20000 values"):
        parse_mapping("a: [" + "1," * MAX_NODES + "]", "f.yaml")


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? ", "a: {", "[{", "&a ", "!!map {", "'", '"', "|\n ", "- - ? "])
def test_a_megabyte_of_openings_is_refused(opening: str) -> None:
    with pytest.raises(InputError):
        parse_mapping(opening * (MAX_BYTES // len(opening) // 2), "f.yaml")


def test_without_the_c_parser_the_rules_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    assert plain(parse_mapping("a: 1\nb: [on, 1e-9]\n", "f")) == {"a": 1, "b": ["on", 1e-9]}
    for case in ("duplicate", "python tag", "two documents", "merge key", "alias in itself", "depth"):
        text, message = REFUSED[case]
        with pytest.raises(InputError) as caught:
            parse_mapping(text, "f.yaml")
        assert caught.value.problems == (message,)
    with pytest.raises(InputError, match="half of a surrogate pair"):
        parse_mapping('a: "\\ud800"', "f")
    for text in ('a: "\\UFFFFFFFF"', "a: 'x", "%YAML 9.9\n---\na: 1", "[" * 5000):
        with pytest.raises(InputError):
            parse_mapping(text, "f")


def test_values_of_the_command_line() -> None:
    place = Place("--set a=1")
    node = parse_value("[1, {b: 2e-3}]", place)
    assert node is not None
    assert plain(node) == [1, {"b": 0.002}]
    assert node.place == place
    assert parse_value("", place) is None
    null = parse_value("null", place)
    assert null is not None
    assert plain(null) is None


def test_files_that_cannot_be_read(tmp_path: Any) -> None:
    def message(raw: bytes) -> str:
        path = tmp_path / "f.yaml"
        path.write_bytes(raw)
        with pytest.raises(InputError) as caught:
            read_text(path, "f.yaml")
        return str(caught.value)

    assert message(b"a: 1\nb: \xff") == "f.yaml:2:4: not UTF-8 text (byte 0xff); save the file as UTF-8"
    assert message("a: 1".encode("utf-16")) == "f.yaml:1:1: not UTF-8 text (byte 0xff); save the file as UTF-8"
    assert message(b"#" * (MAX_BYTES + 1)) == "f.yaml: larger than 1048576 bytes, which no hardware file needs"
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    assert read_text(tmp_path / "bom.yaml", "bom.yaml") == "a: 1"
    for path, words in (
        (tmp_path / "no.yaml", "cannot read 'x': No such file or directory"),
        (tmp_path, "'x' is a folder; give a YAML file"),
        (tmp_path / "a\0b", "cannot read 'x': embedded null byte"),
        (tmp_path / ("n" * 5000), "cannot read 'x': File name too long"),
    ):
        with pytest.raises(InputError) as caught:
            read_text(path, "x", Place("hw.yaml", 3, 4))
        assert str(caught.value) == f"hw.yaml:3:4: {words}"
