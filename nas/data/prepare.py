"""Files of a spec -> a prepared set: parsed once, split once, fitted on the training rows only, and hashed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.batch import Splits
from nas.data.encoder import Encoder, fit_encoder
from nas.data.faults import Faults
from nas.data.fields import Schema
from nas.data.rows import Rows, read_rows
from nas.data.sources import found_files, spec_files
from nas.data.spec import Spec, load_spec
from nas.data.splitting import NAMES, Assignment, assign
from nas.data.staging import STEP, Staging
from nas.data.store import FORMAT, META, SplitWriter, open_splits, read_meta, split_hash, write_meta
from pimsim.errors import InputError, printable


def prepared(
    source: str | Path,
    root: str | Path,
    folder: str | Path,
    *,
    seed: int = 0,
    malformed: str = "fatal",
    overrides: tuple[str, ...] = (),
) -> Splits:
    """The training and validation splits of a set; prepared in `folder` at the first call, opened at every later one.

    source: a YAML spec, or the name of a shipped one. root: folder of the set's files. malformed: "fatal" or "skip".
    overrides: "split.kind=random" texts over the spec. A folder that holds another spec, seed or other files is an
    InputError: splits are made once.
    """
    spec, root, folder = load_spec(source, overrides), Path(root), Path(folder)
    faults = Faults(malformed)
    request: dict[str, Any] = {"spec": spec.to_json(), "seed": seed, "malformed": malformed}
    if (folder / META).exists():
        request["files"] = _sizes(spec, root) if root.is_dir() else read_meta(folder)["request"].get("files")
        check_request(folder, request)
        return open_splits(folder)
    request["files"] = _sizes(spec, root)

    def fill(target: Path) -> dict[str, Any]:
        return _prepare(spec, root, target, seed, faults) | {"request": request}

    make_folder(folder, fill)
    check_request(folder, request)
    return open_splits(folder)


def check_request(folder: Path, request: dict[str, Any]) -> None:
    """Raises InputError if the set in `folder` came of another request; the words that describe a spec do not count."""
    made = read_meta(folder)["request"]
    other = sorted(key for key in request if _silent(made.get(key)) != _silent(request[key]))
    if other:
        raise InputError(f"{printable(folder)} holds a set of another {' and '.join(other)}: give another folder")


def _silent(part: Any) -> Any:
    return {key: value for key, value in part.items() if key != "about"} if isinstance(part, dict) else part


def make_folder(folder: Path, fill: Callable[[Path], dict[str, Any]]) -> None:
    """`fill` works in a temporary folder and returns its meta.json; only a whole set takes the name `folder`.

    Raises InputError where the folder is taken or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{printable(folder)} exists and is no prepared set: give another folder")
    target = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        target = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        write_meta(target, {"format": FORMAT} | fill(target))
        target.chmod(0o755)
        try:
            os.rename(target, folder)
        except OSError:
            if not (folder / META).exists():  # else another process was first
                raise
    except OSError as fault:
        raise InputError(f"{printable(folder)} cannot be written: {printable(fault)}") from None
    finally:
        if target is not None:
            shutil.rmtree(target, ignore_errors=True)


def _sizes(spec: Spec, root: Path) -> list[list[Any]]:
    return [[str(path.relative_to(root)), path.stat().st_size] for path in _files(spec, root)]


def _files(spec: Spec, root: Path) -> list[Path]:
    joined = [path for join in spec.joins for path in found_files(root, join.files)]
    return [*(path for _, path in spec_files(spec, root)), *joined]


def _prepare(spec: Spec, root: Path, target: Path, seed: int, faults: Faults) -> dict[str, Any]:
    staged = target / "staged"
    with Staging(staged) as staging:
        for rows in read_rows(spec, root, faults):
            staging.append(rows)
        if not staging.size:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(faults.counts.items()))
            why = f"malformed: {kinds}" if kinds else "it is empty"
            raise InputError(f"data set {spec.name} in {printable(root)} holds no row that can be used ({why})")
        rows = staging.rows()
        assignment = assign(spec.split, rows, seed)
        encoder = fit_encoder(spec, rows, assignment)
        extras = (*(("groups",) if spec.group else ()), *(("dates",) if spec.date else ()))
        sizes = _write(target, rows, assignment, encoder, extras)
        positives = [int(rows.labels[assignment.codes == code].sum()) for code in range(len(NAMES))]
    encoder.save(target / "encoder.npz")
    shutil.rmtree(staged)
    return {
        "name": spec.name,
        **described(target, encoder.schema, sizes, positives),
        "encoder": encoder.to_json(),
        "malformed": faults.to_json(),
        "file_hashes": {str(path.relative_to(root)): _file_hash(path) for path in _files(spec, root)},
    }


def described(target: Path, schema: Schema, sizes: dict[str, int], positives: list[int]) -> dict[str, Any]:
    """What every prepared set says of itself."""
    return {
        "schema": schema.to_json(),
        "sizes": sizes,
        "positives": dict(zip(NAMES, positives, strict=True)),
        "hashes": {name: split_hash(target / name, schema) for name in NAMES},
    }


def _write(
    target: Path, rows: Rows, assignment: Assignment, encoder: Encoder, extras: tuple[str, ...]
) -> dict[str, int]:
    codes, order = assignment.codes, assignment.order
    sizes = {name: int(np.count_nonzero(codes == code)) for code, name in enumerate(NAMES)}
    writers = [SplitWriter(target / name, encoder.schema, sizes[name], extras) for name in NAMES]
    for start in range(0, len(codes), STEP):
        chosen: Any = slice(start, start + STEP) if order is None else order[start : start + STEP]
        dense, sparse = encoder.encode(np.asarray(rows.dense[chosen]), np.asarray(rows.keys[chosen]))
        arrays = {
            "dense": dense,
            "sparse": sparse,
            "labels": rows.labels[chosen].astype(np.float32),
            "groups": np.asarray(rows.group[chosen]).view(np.int64),
            "dates": rows.date[chosen],
        }
        for code, writer in enumerate(writers):
            mine = codes[chosen] == code
            writer.append(**{name: array[mine] for name, array in arrays.items()})
    for writer in writers:
        writer.close()
    return sizes


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
