"""What `python -m c2l_jax.sample` leaves, written by hand from the records of a data set."""

import json
from pathlib import Path

from c2l_jax.answers import verdict
from c2l_jax.data.processor import Processor, response_text
from c2l_jax.models.directory import fingerprint
from c2l_jax.responses import KEPT, RESPONSES, SETTINGS
from records.reading import open_split


def response(text: str, record: dict, ended: bool = True) -> dict:
    return {"text": text, "logp": -10.0, "ended": ended, **verdict(text, record).fields()}


def wrong(record: dict, number: int = 0) -> str:
    """A chain that goes astray in its first step and ends in an answer that is wrong."""
    answer = "A" if record["answer"] != "A" else "B"
    text = response_text(record | {"answer": answer if record["options"] else "99"}, "cot")
    return f"Look {number} again. {text}"


def responses_of(record: dict, index: int = 0) -> list[dict]:
    """Two right ones, a wrong one, and one that was cut off: at even places before it answered, at
    odd ones after a wrong answer."""
    right = response_text(record, "cot")
    chain, answer = wrong(record, 1).split("### Answer")
    return [
        response(right, record),
        response(f"Well. {right}", record),
        response(wrong(record), record),
        response(chain + f"### Answer{answer}\nAnd" * (index % 2), record, ended=False),
    ]


def write(out: Path, model: Path, data: Path, limit: int = 24) -> Path:
    split, processor = open_split(data, "train"), Processor(model)
    out.mkdir(parents=True)
    settings = {
        "model": str(model),
        "fingerprint": fingerprint(model),
        "data": str(data),
        "split": "train",
        "format": "cot",
        "n": 4,
        "temperature": 1.0,
        "questions": limit,
    }
    (out / SETTINGS).write_text(json.dumps(settings))
    with (out / RESPONSES).open("w") as file:
        for index in range(limit):
            record = split[index]
            kept = {name: record[name] for name in KEPT}
            responses = responses_of(record, index)
            for made in responses:
                made["tokens"] = len(processor.response(made["text"])) - (not made["ended"])
            line = {**kept, "index": index, "responses": responses}
            file.write(json.dumps(line) + "\n")
    return out
