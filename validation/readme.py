"""Runs what README.md shows and compares what comes out with what is printed there.

    python -m validation.readme            # the difference, exit code 1 if there is one
    python -m validation.readme --write    # puts the present output into README.md

Two forms are run, in the order in which they stand, all in one empty folder: a `console` block, whose first line is
`$ command`, and a `python` block with a `text` block right behind it. Where they need the models of `pimsim demo`, it
runs first. So every number in the README comes from a command that anyone can repeat.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
COLUMNS = 118  # terminal width for which the tables in the README were printed

SHOWN = re.compile(
    r"^```console\n\$ (?P<command>[^\n]+)\n(?P<printed>.*?)^```$"
    r"|^```python\n(?P<script>[^`]+?)^```\n\n```text\n(?P<result>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def output_of(command: str, folder: Path) -> str:
    """What the bash command prints on a terminal of COLUMNS columns, both streams as one; `pimsim` in it is this
    checkout's, `python` this interpreter.

    Raises RuntimeError with the output if the command fails.
    """
    python = shlex.quote(sys.executable)
    functions = f'pimsim() {{ {python} -m pimsim "$@"; }}\npython() {{ {python} "$@"; }}\n'
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    run = subprocess.run(
        ["bash", "-o", "pipefail", "-c", functions + command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": str(COLUMNS)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if run.returncode:
        raise RuntimeError(f"{command}\nends with exit code {run.returncode}:\n{run.stdout}")
    return "".join(line.rstrip() + "\n" for line in run.stdout.splitlines())


def rerun(text: str) -> str:
    """`text` with the output of every shown command replaced by what it prints now."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "pimsim-demo/" in text:
            output_of("pimsim demo", folder)

        def fresh(shown: re.Match[str]) -> str:
            if shown["command"]:
                printed = output_of(shown["command"], folder)
                return f"```console\n$ {shown['command']}\n{printed}```"
            printed = output_of(f"python -c {shlex.quote(shown['script'])}", folder)
            return f"```python\n{shown['script']}```\n\n```text\n{printed}```"

        return SHOWN.sub(fresh, text)


def difference(old: str, new: str) -> str:
    """What changes from `old` to `new`, as a unified diff; empty if nothing does."""
    return "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "README.md", "printed now"))


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare README.md with what its commands print.")
    parser.add_argument("--write", action="store_true", help="put the present output into README.md")
    write = parser.parse_args().write
    old = README.read_text("utf-8")
    new = rerun(old)
    print(difference(old, new) or "README.md shows what its commands print.")
    if write:
        README.write_text(new, "utf-8")
    return int(new != old and not write)


if __name__ == "__main__":
    sys.exit(main())
