"""CONTRIBUTING's example of a format, from outside."""

import json
import re

from tests.conftest import ROOT, run_module
from tests.records.exchanged import picture, records_in, write_picture


def test_a_format_of_ones_own(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"`commas\.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "commas.py").write_text(example)
    write_picture(tmp_path / "a.png", picture())
    lines = [
        "picture,question,answer,source",
        'a.png,"What, then?",red,here',
        "b.png,Why?,so,there",
    ]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    command = ["synth", "import", "commas", tmp_path / "table.csv", "--out", tmp_path / "out"]
    said = run_module(*command, PYTHONPATH=f"{tmp_path}:{ROOT}").stdout
    assert (
        "left out: table.csv, row 2: there is no picture b.png\nrows left out: 1, all named in "
        in said
    )
    (record,) = records_in(tmp_path / "out")["train"].values()
    assert (record["question"], record["answer"], record["task"]) == ("What, then?", "red", "table")
    assert record["images"] == [picture()] and json.loads(record["params"]) == {"source": "here"}
