"""Do the examples of docs/data.md work?"""

import json
import re
from pathlib import Path

import yaml

import nas
from nas.data.config import DataConfig
from nas.data.spec import load_spec, shipped_specs

PAGE = (Path(nas.__file__).resolve().parents[1] / "docs" / "data.md").read_text("utf-8")


def test_the_yaml_examples_are_accepted(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 3
    sections = [yaml.safe_load(block) for block in blocks]
    for section in sections:
        if "data" in section:
            values = section["data"]
            assert DataConfig.model_validate_json(json.dumps(values)).folder == values["folder"]
        else:
            path = tmp_path / "shop.yaml"
            path.write_text(blocks[sections.index(section)], "utf-8")
            assert list(load_spec(path).dense_columns()) == ["price", "age_1", "age_2", "age_3"]


def test_every_shipped_set_is_in_the_table() -> None:
    table = "\n".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", table)) == set(shipped_specs())
