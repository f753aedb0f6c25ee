"""From a path to a parsed ONNX model: every way in which a file can fail to be one ends in one clear line."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, external_data_helper

from pimsim.errors import InputError, Place, printable
from pimsim.graph.outline import without_raw_data
from pimsim.graph.sizes import LARGEST_FILE_BYTES, nearest

MAPPED_BYTES = 1_000_000
"""Files larger than this are mapped, and the data of their large weights stepped over."""


def load_model(path: Path) -> tuple[onnx.ModelProto, dict[int, int]]:
    """The model stored at `path`, external data not loaded; and for every initialiser of the graph whose raw data were
    left out because they are large, its position -> bytes left out.

    Raises InputError if the file is missing, not a regular file, empty, too large, or not an ONNX model.
    """
    place = Place(str(path))
    data, left_out = _read_bytes(path, place)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        if "depth" in str(error).lower():
            raise InputError("is nested too deeply: subgraphs or types inside one another", place) from error
        raise InputError(_why_not_onnx(data), place) from error
    if not model.HasField("graph"):
        raise InputError(_why_not_onnx(data), place)
    return model, left_out


def _read_bytes(path: Path, place: Place) -> tuple[bytes, dict[int, int]]:
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError("is not a regular file; give the path of an ONNX file", place)
            if status.st_size > LARGEST_FILE_BYTES:
                raise InputError(
                    f"has {status.st_size} bytes; an ONNX file has at most {LARGEST_FILE_BYTES} (2 GiB): "
                    "store the weights as external data",
                    place,
                )
            if status.st_size > MAPPED_BYTES:
                with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                    outline = without_raw_data(mapped)
                if outline is not None:
                    return outline
            return stream.read(LARGEST_FILE_BYTES + 1), {}
    except FileNotFoundError as error:
        raise InputError(_missing(path), place) from error
    except IsADirectoryError as error:
        raise InputError(f"is a folder; give the path of an ONNX file{_onnx_files_in(path)}", place) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {printable(reason)}", place) from error


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"no such file; the folder '{printable(folder)}' does not exist either"
    others = sorted(entry.name for entry in folder.iterdir() if entry.suffix == ".onnx")
    if not others:
        return f"no such file; there is no .onnx file in '{printable(folder)}'"
    hint = nearest(path.name, others, "files").replace("the model's files", "ONNX files there")
    return f"no such file; {hint}"


def _onnx_files_in(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix == ".onnx")
    return f", for example '{printable(names[0])}'" if names else ""


def _why_not_onnx(data: bytes) -> str:
    """What is in a file that does not hold a model."""
    head = data[:200]
    if not head:
        return "is empty; an ONNX model was expected"
    if head.startswith(b"version https://git-lfs"):
        return "is a git LFS pointer, not the model itself; fetch it with 'git lfs pull'"
    if head.startswith(b"PK\x03\x04"):
        return "is a zip archive (a torch checkpoint?), not an ONNX model; export it with torch.onnx.export"
    if head[4:8] == b"TFL3":
        return "is a TensorFlow Lite model, not an ONNX model"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head):
        first = head.decode("ascii").splitlines()[0] if head.strip() else ""
        return f"is text ('{printable(first, 40)}'), not an ONNX model"
    return "is not an ONNX model, or is truncated: protobuf cannot parse it, or there is no graph in it"


def external_location(tensor: TensorProto) -> str:
    """Location of a tensor's external data, as written in the file."""
    location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    return location if isinstance(location, str) else ""  # protobuf hands out bytes where the text is not UTF-8


def external_file_present(tensor: TensorProto, folder: Path | None) -> bool:
    """Whether the external data of `tensor` is there, judged without reading any of it.

    Raises InputError, naming tensor and location, if the location leaves the model's folder: a path with "..", an
    absolute path, a link. The onnx loader judges whatever exists; nothing else opens the file.
    """
    location = external_location(tensor)
    what = f"tensor '{printable(tensor.name)}': external data at '{printable(location)}'"
    parts = location.replace("\\", "/").split("/")
    drive = len(location) > 1 and location[1] == ":"
    if not location or "\0" in location or location.startswith(("/", "\\")) or drive or ".." in parts:
        raise InputError(f"{what} is refused: the location must be a relative path inside the model's folder")
    if folder is None:
        return False
    target = os.path.join(folder, location)
    try:
        if not os.path.lexists(target):
            return False
    except (OSError, ValueError) as error:
        raise InputError(f"{what} is refused: {printable(error)}") from error
    probe = TensorProto(name=tensor.name, data_type=TensorProto.UINT8, dims=[0])
    _point_at(probe, location, 0, 0)
    try:
        external_data_helper.load_external_data_for_tensor(probe, str(folder))
    except (onnx.checker.ValidationError, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{what} is refused by the onnx loader: {printable(_one_line(error), 300)}") from error
    return True


def load_external(tensor: TensorProto, folder: Path, expected_bytes: int) -> TensorProto | None:
    """A copy of a small `tensor` with its external data inside, through the onnx loader; None if they do not fit."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    try:
        offset = int(entries.get("offset", "0"))
        length = int(entries.get("length", str(expected_bytes)))
    except ValueError:
        return None
    if length != expected_bytes or offset < 0:
        return None
    copy = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    _point_at(copy, entries.get("location", ""), offset, length)
    try:
        external_data_helper.load_external_data_for_tensor(copy, str(folder))
    except (onnx.checker.ValidationError, OSError, ValueError, RuntimeError):
        return None
    return copy


def _point_at(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", str(offset)), ("length", str(length))):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
