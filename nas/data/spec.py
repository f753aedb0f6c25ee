"""The column spec: a YAML file that says where the rows are, which columns are fields, and how rows are split."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from nas.data.fields import MAX_LENGTH, MAX_ROWS
from pimsim.errors import InputError, printable
from pimsim.hardware.circuit import Model
from pimsim.hardware.load import validate_tree
from pimsim.hardware.merge import apply_overrides, read_tree

SPECS = Path(__file__).resolve().parent / "specs"
SOURCE_COLUMN = "@source"  # number of the file that a row comes from: per-date shards of files named by day

Name = Annotated[str, Field(min_length=1, max_length=100)]


def expanded(names: tuple[str, ...]) -> tuple[str, ...]:
    """`I{1..13}` stands for I1 to I13; other names for themselves."""
    found: list[str] = []
    for name in names:
        match = re.fullmatch(r"(.*)\{(\d{1,4})\.\.(\d{1,4})\}(.*)", name)
        if match is None:
            found.append(name)
        else:
            before, first, last, after = match.groups()
            found += [f"{before}{number}{after}" for number in range(int(first), int(last) + 1)]
    return tuple(found)


class Csv(Model):
    """How a text file is laid out; a parquet file needs nothing of this."""

    delimiter: str = ","  # "::" and other longer ones too
    header: bool = True
    columns: tuple[Name, ...] = ()  # names where there is no header, in place of it where there is one
    skip_lines: Annotated[int, Field(ge=0, le=1000)] = 0
    quotes: bool = True
    strip: bool = False  # blanks around every value are no part of it
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    missing: tuple[str, ...] = ()  # texts that mean "no value", beside the empty one

    @field_validator("columns")
    @classmethod
    def _expand(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return expanded(names)

    @model_validator(mode="after")
    def _complete(self) -> Csv:
        if not self.header and not self.columns:
            raise ValueError("columns must name the columns of a file without a header")
        if not self.delimiter or any(character in self.delimiter for character in '\n\r"'):
            raise ValueError("delimiter must be one or more characters, no quote and no line break")
        return self


class LibFM(Model):
    """`label index:value ...` lines: `fields` entries on each (columns feature_1, ...), or any number (`features`)."""

    fields: Annotated[int, Field(ge=0, le=4096)] = 0  # 0: any number of entries
    dense: tuple[Annotated[int, Field(ge=0)], ...] = ()  # indices whose value is a number: columns x<index>


class Derive(Model):
    """One column out of others.

    time: a strptime format of the texts of `of` joined by blanks, or epoch_s, epoch_ms, epoch_days; `part` is taken.
    divide: `of` over a number, rounded down. minus: `of` less another column. pattern: the named
    group of a regular expression (RE2) where it is found, else missing. Numbers come out, or texts for `pattern`.
    """

    name: Name
    of: tuple[Name, ...] = Field(min_length=1)
    time: str = ""
    part: Literal["hour", "weekday", "month", "year", "date", "days", "seconds"] = "days"
    divide: float = Field(0.0, ge=0.0)
    minus: str = ""
    pattern: str = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Derive:
        if sum(map(bool, (self.time, self.divide, self.minus, self.pattern))) != 1:
            raise ValueError("exactly one of time, divide, minus and pattern must be given")
        if len(self.of) > 1 and (not self.time or self.time.startswith("epoch")):
            raise ValueError("several columns in `of` need a strptime format in `time`")
        return self


class Join(Model):
    """A table whose columns are looked up by key; a key that it lacks gives missing values."""

    files: tuple[str, ...] = Field(min_length=1)
    key: Name  # its name in the rows
    table_key: str = ""  # its name in the table, where that is another
    csv: Csv = Csv()


class Label(Model):
    """1 where the rule holds, 0 elsewhere; without a rule the column holds 0 and 1."""

    column: Name
    at_least: float | None = None
    texts: tuple[str, ...] = ()  # 1 for these texts
    other_texts: tuple[str, ...] = ()  # 0 for these; any other text is malformed

    @model_validator(mode="after")
    def _one_rule(self) -> Label:
        if bool(self.texts) != bool(self.other_texts) or (self.texts and self.at_least is not None):
            raise ValueError("give either at_least, or texts together with other_texts, or neither")
        return self


class Dense(Model):
    """Numeric columns. Transforms work from left to right; then what is missing is `missing`.

    log1p: log(1 + max(x, 0)). log_squared: floor(log(x)^2) for x > 2 (the Criteo winners'). signed_log:
    sign(x) log(1 + |x|). standard: mean 0 and deviation 1 over the training rows. bins: quantile bins of the training
    rows as sparse fields `<name>_bin`, 0 for none.
    """

    columns: tuple[Name, ...] = Field(min_length=1)
    transform: tuple[Literal["log1p", "log_squared", "signed_log", "standard"], ...] = ()
    missing: float = 0.0
    bins: int = Field(0, ge=0, le=1000)

    @field_validator("columns")
    @classmethod
    def _expand(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return expanded(names)


class Sparse(Model):
    """Categorical columns. Ids of fewer than `min_count` training rows share row 0 with the unseen ones.

    max_rows: a table with more ids than this is hashed to so many rows. hashed: every id, seen or not, is hashed to
    max_rows rows, and none is counted. separator: the column holds several ids (or is a list column: "list"), of which
    the first `length` are kept and their vectors pooled.
    """

    columns: tuple[Name, ...] = Field(min_length=1)
    min_count: int = Field(1, ge=1)
    max_rows: int = Field(MAX_ROWS, ge=3, le=MAX_ROWS)
    hashed: bool = False
    separator: str = ""
    pooling: Literal["", "sum", "mean"] = ""
    length: int = Field(1, ge=1, le=MAX_LENGTH)

    @field_validator("columns")
    @classmethod
    def _expand(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return expanded(names)

    @model_validator(mode="after")
    def _pools(self) -> Sparse:
        if bool(self.separator) != bool(self.pooling):
            raise ValueError("separator and pooling go together")
        if self.hashed and self.max_rows == MAX_ROWS:
            raise ValueError("hashed needs max_rows")
        if self.length > 1 and not self.pooling:
            raise ValueError("length needs pooling")
        return self


class SplitRule(Model):
    """Which rows are training, validation and test.

    random: drawn by the seed, a row each. chronological: sorted by the columns of `by` (ties keep their order), cut by
    `shares`. per_user: the same within each user. dates: by the values of `by` (whole numbers, "@source" for the number
    of the file). files: the spec's test_files are the test split, and validation_files or a share of the rest,
    drawn by the seed, are validation.
    """

    kind: Literal["random", "chronological", "per_user", "dates", "files"] = "random"
    shares: tuple[Annotated[float, Field(gt=0.0, lt=1.0)], ...] = (0.8, 0.1, 0.1)
    by: tuple[Name, ...] = ()
    user: str = ""
    validation: tuple[int, ...] = ()
    test: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> SplitRule:
        if len(self.shares) != 3 or abs(sum(self.shares) - 1.0) > 1e-9:
            raise ValueError("shares must be three numbers above 0 that sum to 1 (training, validation, test)")
        if self.kind in ("chronological", "per_user", "dates") and not self.by:
            raise ValueError(f"by must name a column for kind {self.kind}")
        if self.kind == "per_user" and not self.user:
            raise ValueError("user must name a column for kind per_user")
        if self.kind == "dates":
            if len(self.by) != 1 or not self.validation or not self.test:
                raise ValueError("kind dates needs one column in by, and lists of validation and test dates")
            if set(self.validation) & set(self.test):
                raise ValueError("a date is either validation or test")
        return self


class Spec(Model):
    """A data set: its files, its fields, its split."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$")]
    about: str = ""
    files: tuple[str, ...] = Field(min_length=1)
    validation_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()
    format: Literal["auto", "csv", "parquet", "libfm"] = "auto"
    csv: Csv = Csv()
    test_csv: Csv | None = None  # where the test files are laid out in another way
    libfm: LibFM = LibFM()
    rename: dict[str, str] = Field(default_factory=dict)  # name in a file -> name here, where a file has it
    joins: tuple[Join, ...] = ()
    derive: tuple[Derive, ...] = ()
    label: Label
    dense: tuple[Dense, ...] = ()
    sparse: tuple[Sparse, ...] = ()
    group: str = ""  # the user, for GAUC
    date: str = ""  # whole numbers, for shards by day
    never: tuple[str, ...] = ()  # known only after the label, or not a feature: refused as a field
    split: SplitRule = SplitRule()

    @model_validator(mode="after")
    def _consistent(self) -> Spec:
        fields = [*self.dense_columns(), *self.sparse_columns()]
        if not fields:
            raise ValueError("a spec needs at least one dense or sparse column")
        twice = sorted({name for name in fields if fields.count(name) > 1})
        if twice:
            raise ValueError(f"column {twice[0]} stands twice among the fields")
        for name in fields:
            if name in self.never or name == self.label.column:
                raise ValueError(f"column {name} is the label or listed under never: it cannot be a field")
        derived = [step.name for step in self.derive]
        if len(set(derived)) < len(derived):
            raise ValueError("a derived column stands twice")
        if (self.split.kind == "files") != bool(self.test_files):
            raise ValueError("test_files and split.kind files go together")
        if self.validation_files and not self.test_files:
            raise ValueError("validation_files needs test_files")
        return self

    def dense_columns(self) -> Iterator[str]:
        for entry in self.dense:
            yield from entry.columns

    def sparse_columns(self) -> Iterator[str]:
        for entry in self.sparse:
            yield from entry.columns

    def used_columns(self) -> list[str]:
        """Every column that is read, derived ones among them, in a fixed order."""
        names = [self.label.column, *self.dense_columns(), *self.sparse_columns(), *self.split.by]
        names += [self.split.user, self.group, self.date]
        for step in self.derive:
            names += [*step.of, step.minus]
        names += [join.key for join in self.joins]
        return list(dict.fromkeys(name for name in names if name))

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")


def shipped_specs() -> list[str]:
    """Names of the specs that come with the package."""
    return sorted(path.stem for path in SPECS.glob("*.yaml"))


def load_spec(source: str | Path, overrides: tuple[str, ...] = ()) -> Spec:
    """The spec of a YAML file, or a shipped one by name; `overrides` are "split.kind=random" texts.

    Raises InputError with the place of every fault in the file.
    """
    shipped = shipped_specs()
    if str(source) in shipped:
        path = SPECS / f"{source}.yaml"
    elif str(source).endswith((".yaml", ".yml")):
        path = Path(source)
    else:
        raise InputError(f"no data set {printable(source)}; shipped are {', '.join(shipped)}; or give a YAML file")
    return validate_tree(Spec, apply_overrides(read_tree(path), list(overrides)))[0]
