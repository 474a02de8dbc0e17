"""What a locked process says is taken only if it is of the right type, size and characters."""

import base64
import zlib

import numpy as np
import pytest

from records.errors import printable
from synth.engine import About, Made, Told
from synth.locked import replies

TOLD = {
    "asked": "How many?",
    "text": "3",
    "steps": ["Row 0: 3."],
    "several": False,
    "description": "A row.\nAnother row.",
    "difficulty": 2,
}
MADE = {
    "state": '{"rows":["*-"],"at":[0,1.5,null]}',
    "params": "{}",
    "asked": "Größe?",
    "options": ["a", "b"],
    "text": "a",
    "steps": [],
    "description": "",
}
TASK = {"name": "count", "qa_type": "Target Perception", "qa_level": "Easy", "n_options": 4}
ABOUT = {
    "name": "lights",
    "category": "Multi-step Reasoning",
    "split_kind": "in_domain",
    "rules": "Lamps.",
    "counts": "lamps",
    "tasks": [TASK],
}


def test_what_is_right_is_taken():
    assert replies.read(Told, TOLD) == Told(**TOLD)
    assert replies.read(Made, MADE) == Made(**MADE)
    about = replies.read(About, ABOUT)
    assert about.task("count").n_options == 4 and about.rules == "Lamps."


WRONG = [
    (Told, "text", 3, "'text' is no text"),
    (Told, "text", "x" * 200_001, "'text' is no text of at most 200000"),
    (Told, "asked", "\x1b[2J", "'asked' has control characters"),
    (Told, "asked", "a\rb", "'asked' has control characters"),
    (Told, "asked", "\u202egnp", "'asked' has control characters"),
    (Told, "asked", "\ud800", "'asked' has control characters"),
    (Told, "steps", "one", "'steps' is no list"),
    (Told, "steps", [["one"]], "'steps' is no text"),
    (Told, "steps", [""] * 10_001, "'steps' is no list of at most"),
    (Told, "several", 0, "'several' is neither true nor false"),
    (Told, "difficulty", float("inf"), "'difficulty' is no number"),
    (Told, "difficulty", float("nan"), "'difficulty' is no number"),
    (Told, "difficulty", 10**400, "'difficulty' is no number"),
    (Told, "difficulty", True, "'difficulty' is no number"),
    (Made, "state", {"rows": []}, "'state' is no text"),
    (Made, "state", "[]", "'state' is no JSON object"),
    (Made, "state", '{"a": 1}', "'state' is no JSON object in its one way"),
    (Made, "state", '{"a":1,"a":1}', "'state' is no JSON object in its one way"),
    (Made, "state", '{"a":NaN}', "'state' is no JSON object"),
    (Made, "state", '{"a":1e999}', "'state' is no JSON object"),
    (Made, "state", '{"a":' + "[" * 60_000 + "]" * 60_000 + "}", "'state' is no JSON object"),
    (Made, "state", '{"a":' + "9" * 5000 + "}", "'state' is no JSON object"),
    (Made, "params", "{", "'params' is no JSON object"),
    (About, "category", "Winning", "'category' is none of"),
    (About, "split_kind", ["in_domain"], "'split_kind' is none of"),
    (About, "name", "../lights", "'name' is no name"),
    (About, "name", "lights\n", "'name' is no name"),
    (About, "tasks", [], "'tasks' is no list of 1 to 100 tasks"),
    (About, "tasks", [TASK, TASK], "'tasks' has two tasks of one name"),
    (About, "tasks", [TASK | {"n_options": 27}], "'n_options' is no number of options"),
    (About, "tasks", [TASK | {"n_options": True}], "'n_options' is no number of options"),
    (About, "tasks", [TASK | {"more": 1}], "'tasks' has not the keys"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_wrong_is_named(number):
    kind, key, value, reason = WRONG[number]
    right = {Told: TOLD, Made: MADE, About: ABOUT}[kind]
    with pytest.raises(replies.Wrong, match=reason):
        replies.read(kind, right | {key: value})


@pytest.mark.parametrize("value", [None, [], "x", TOLD | {"more": 1}, {"text": "3"}])
def test_all_keys_and_no_others(value):
    with pytest.raises(replies.Wrong, match="has not the keys asked, text, steps"):
        replies.read(Told, value)


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def test_a_picture():
    pixels_hwc = np.arange(3 * 56**2, dtype=np.uint8).reshape(56, 56, 3)
    given = [[56, 56, 3], "uint8", packed(pixels_hwc.tobytes())]
    assert np.array_equal(replies.pixels(given, 56), pixels_hwc)


NO_PICTURES = [
    None,
    [[56, 56, 3], "uint8", packed(bytes(3 * 56**2 - 1))],
    [[56, 56, 3], "uint8", packed(bytes(1 << 26))],  # no more of it is unpacked than needed
    [[56, 56, 3], "uint8", "not packed"],
    [[56, 56, 3], "uint8", packed(bytes(3 * 56**2))[:-8]],
    [[56, 56, 3], "float32", packed(bytes(3 * 56**2))],
    [[57, 57, 3], "uint8", packed(bytes(3 * 57**2))],
    [[56, 56, 4], "uint8", packed(bytes(4 * 56**2))],
    [[56, 56], "uint8", packed(bytes(56**2))],
]


@pytest.mark.parametrize("number", range(len(NO_PICTURES)))
def test_no_picture(number):
    with pytest.raises(replies.Wrong, match="is no RGB picture of 56 x 56 pixels"):
        replies.pixels(NO_PICTURES[number], 56)


def test_what_is_printed_is_one_line_that_no_terminal_obeys():
    assert printable("a\x1b[2J\r\nb\u202ec\ud800") == "a [2J  b c "
    assert len(printable("x" * 10_000)) == 500
