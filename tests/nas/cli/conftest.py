"""The commands in this process, in a folder with a small generated set."""

import pytest

from nas.cli.main import main

CONFIG = """\
name: first
data:
  folder: prepared
  synthetic: {rows: 1000, validation_rows: 400, test_rows: 300, fields: 4, values: 6, groups: [[0, 1]],
              main_fields: [0, 1]}
model: {name: fm, embedding_dim: 4}
training: {epochs: 3, batch_size: 100, learning_rate: 0.02, threads: 1}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def nas(folder, capsys):
    """nas(*arguments) -> (exit code, stdout, stderr)."""

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def fails(nas):
    """fails(*arguments) -> the lines of the error, after checking how it is told."""

    def run(*arguments):
        code, out, err = nas(*arguments)
        lines = err.splitlines()
        told = [line for line in lines if line.startswith("nas: error: ")]
        assert (code, out) == (2, "")
        assert told
        assert "Traceback" not in err
        return "\n".join(line.removeprefix("nas: error: ") for line in told)

    return run
