"""The one exception that means "your input is wrong", with the place where it is wrong."""

from __future__ import annotations

from dataclasses import dataclass


def printable(text: object, limit: int = 200) -> str:
    """`text` as one printable line of at most `limit` characters: control characters and
    line breaks are written as escapes, so that a name out of a hostile file cannot steer a terminal."""
    raw = str(text)
    if len(raw) > limit:
        raw = raw[: limit - 3] + "..."
    if raw.isprintable():
        return raw
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in raw)


@dataclass(frozen=True)
class Place:
    """Where in the user's input a fault stands. Lines and columns count from 1."""

    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [printable(self.file)] if self.file else []
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


class InputError(Exception):
    """Bad input. `problems` holds one line a fault: place, what was found, what is allowed.

    The command line prints every line to stderr and exits with 2; from Python it is an ordinary exception.
    """

    def __init__(self, message: str, place: Place | None = None, *, more: tuple[str, ...] = ()):
        line = f"{place}: {message}" if place and str(place) else message
        self.problems: tuple[str, ...] = (line, *more)
        super().__init__("\n".join(self.problems))
