"""Published positions with answers recomputed by another solver, where they lie by the project."""

import json

import pytest

from tests.synth.peer import FOLDER


def cases(game: str) -> list[dict]:
    """The cases of a game whose published answer follows from the question alone."""
    path = FOLDER / f"{game}.jsonl"
    if not path.exists():
        pytest.skip(f"no published cases at {path}")
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [case for case in found if case["verdict"] == "agrees"]
