"""The verdict on a game that wants to be acquitted: it, its oracle and their process may lie."""

import contextlib
import importlib
import re
from pathlib import Path

import pytest

import synth.games
from synth import audit, oracles, registry
from synth.game import LEVELS
from synth.locked import opening
from synth.records import make_record, split_of
from tests.synth.test_contributing import OF_GAMES

(_, LIGHTS), (_, SOLVER) = re.findall(
    r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", OF_GAMES, re.DOTALL
)
WRONG = ("Solution(sum(counts),", "Solution(sum(counts) + 1,")  # which the oracle knows

# Who answers is found by its functions, whatever the modules are called.
CHILD = """
import json, os, sys
child = sys.modules["__main__"]
send = child.send
"""
BEFORE = """
for number in range(3, 20):
    try:
        os.write(number, b'{"id": "1", "value": "true"}\\n')
    except OSError:
        pass
"""
TWICE = """
child.send = lambda to, text: send(to, text + "\\n" + text)
"""
LATER = """
held = []
def late(to, text):
    held.append(text)
    send(to, held.pop(0) if len(held) > 1 else json.dumps({**json.loads(text), "id": "0" * 32}))
child.send = late
"""
ALWAYS_TRUE = """
child.send = lambda to, text: send(to, json.dumps({**json.loads(text), "value": True}))
"""
PATCH = """
import importlib
for name in ("synth.audit", "synth.oracles", "synth.oracle", "oracle", "synth.locked.client"):
    try:
        module = importlib.import_module(name)
    except ImportError:
        continue
    module.objections = module.judge = lambda *given: []
    module.Oracle = module.LockedOracle = None
"""


def change(*pairs: tuple[str, str], more: str = "") -> str:
    """The example game with other lines."""
    text = LIGHTS
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text + more


def said(how: str) -> tuple[str, str]:
    """lit_count is answered by this expression."""
    return "Solution(sum(counts),", f"Solution({how},"


GAMES = {  # name: (the game, what the audit must say)
    "good": (LIGHTS, None),
    "wrong": (change(WRONG), "the oracle calls the answer"),
    "patch": (change(WRONG, more=PATCH), "the oracle calls the answer"),
    "before": (change(WRONG, more=CHILD + BEFORE), "another question than|speaks without"),
    "twice": (change(WRONG, more=CHILD + TWICE), "speaks without being asked|another question"),
    "later": (change(WRONG, more=CHILD + LATER), "a reply to another question than"),
    "true": (change(WRONG, more=CHILD + ALWAYS_TRUE), "has not the keys"),
    "calls": (
        change(
            said("sum(counts) + next(calls) // 10 % 2"),
            more="import itertools\ncalls = itertools.count()\n",
        ),
        "the state read from the description has another text",
    ),
    "time": (
        change(said("sum(counts) + time.perf_counter_ns() // 1000 % 2"), more="import time\n"),
        "the state read from the description has another text",
    ),
    "address": (
        change(said("sum(counts) + id(lights) // 4096 % 2")),
        "the state read from the description has another text",
    ),
    "hashes": (
        change(said("sum(counts) + hash(str(lights)) % 2")),
        "the state read from the description has another text",
    ),
    "remembered": (  # parse gives back what describe saw
        change(
            (
                "    rows = (f\"row {row}: {' '.join(marks)}\" for",
                "    seen.append(lights)\n    rows = (f\"row {row}: {' '.join(marks)}\" for",
            ),
            (
                "    return f\"The lamps, * is lit and - is dark: {'; '.join(rows)}.\"",
                '    return f"Lamps, {len(seen) * 0}."',
            ),
            (
                '    rows = re.findall(r"row \\d+: ([*-](?: [*-])*)", description)\n',
                "    return seen[-1]\n",
            ),
            more="seen = []\n",
        ),
        "cannot be solved again: the game remembered: IndexError|another state",
    ),
    "equal": (  # every state equals every other
        change(
            (
                "    rows: tuple[str, ...]  # one text a row",
                "    __eq__ = lambda self, other: True\n"
                "    rows: tuple[str, ...]  # one text a row",
            ),
            (
                '    return Lights(tuple(row.replace(" ", "") for row in rows))',
                '    return Lights(("*",))',
            ),
        ),
        "the description is read back as another state",
    ),
    "nan": (
        change(
            ("GAME = Game(", "nan = float('nan')\nGAME = Game("),
            ("lambda lights: len(lights.rows)", "lambda lights: nan"),
        ),
        "cannot be solved again: the game nan: ValueError: Out of range float",
    ),
    "huge": (
        change(("lambda lights: len(lights.rows)", "lambda lights: 1e100")),
        "'difficulty' is no number of a common size",
    ),
    "ansi": (
        change(("How many lamps are lit?", "How many \\x1b[2Jlamps are lit?")),
        "'asked' has control characters",
    ),
    "loud": (
        change(("How many lamps are lit?", 'How many lamps are lit?" * 100_000 + "')),
        "'asked' is no text of at most 200000 characters",
    ),
    "gone": (change(WRONG, more="import os\nos._exit(0)\n"), "ended with code 0|after 3 faults"),
    "named": (LIGHTS, "calls it 'lights'"),
    "leaving": (  # it raises text that would rewrite the screen
        change(
            said("raise_(chr(27) + '[2J' + chr(10) + 'all good')"),
            more="def raise_(text):\n    raise ValueError(text)\n",
        ),
        r"the game leaving: ValueError:  \[2J all good \(leaving.py, line \d+\)",
    ),
}
READER = """
import glob, os, sys
def lit_count(state, params):
    for path in [GAME_FILE, *glob.glob("/tmp/**/*.py", recursive=True)]:
        try:
            names = {}
            exec(open(path).read(), names)
            lights = names["Lights"](tuple(state["rows"]))
            return str(names["GAME"].task("lit_count").solve(lights).answer)
        except Exception:
            pass
    try:
        from synth.registry import find_game
        lights = find_game("read").state(tuple(state["rows"]))
        return str(find_game("read").task("lit_count").solve(lights).answer)
    except ImportError:
        return "nothing"
ORACLES = {"lit_count": lit_count, "row_after_press": lit_count}
"""
ANYTHING = """
ORACLES = dict.fromkeys(["lit_count", "row_after_press"], lambda state, params: lambda text: True)
"""
NO_TEXT = """
ORACLES = dict.fromkeys(["lit_count", "row_after_press"], lambda state, params: {"text": "*"})
"""
SOLVERS = {  # of a wrong game: (the oracle, what the audit must say)
    "read": (READER, "its answer is 'nothing'"),
    "anything": (ANYTHING, "the oracle calls anything right"),
    "no_text": (NO_TEXT, "the oracle no_text: what it says is no text"),
}


@contextlib.contextmanager
def games_in(folder: Path):
    """As if SYNTH_GAMES named the folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth.games, "__path__", [*synth.games.__path__, str(folder)])
        registry.game_names.cache_clear()
        oracles.file_of.cache_clear()
        importlib.invalidate_caches()
        yield
    registry.game_names.cache_clear()
    oracles.file_of.cache_clear()


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """All of these games and oracles, in the sandbox that is always there."""
    folder = tmp_path_factory.mktemp("games")
    (folder / "solvers").mkdir()
    for name, (text, _) in GAMES.items():
        own = text if name == "named" else text.replace('name="lights"', f'name="{name}"')
        (folder / f"{name}.py").write_text(own)
        (folder / "solvers" / f"{name}.py").write_text(SOLVER)
    for name, (text, _) in SOLVERS.items():
        game = change(WRONG).replace('name="lights"', f'name="{name}"')
        (folder / f"{name}.py").write_text(game)
        text = text.replace("GAME_FILE", repr(str(folder / f"{name}.py")))
        (folder / "solvers" / f"{name}.py").write_text(text)
    names = [*GAMES, *SOLVERS]
    with games_in(folder):
        files = oracles.files_of(str(folder / "solvers"), names)
        assert files.keys() == set(names)
        with opening.locked_in("lock", names, files):
            yield folder / "solvers"


@pytest.fixture(scope="module")
def records(locked):
    """Some of each task and level of the good game, all for train."""
    found = [
        make_record("good", task, level, 3, index, 56)
        for task in ("lit_count", "row_after_press")
        for level in LEVELS
        for index in range(6)
    ]
    return [record for record in found if split_of("good", record["state"]) == "train"]


def faults(name: str, records: list[dict], solvers: Path) -> list[str]:
    """What the audit says of these records, which `name` now answers for."""
    job = audit.Job(Path(), "train", 0, len(records), 56, str(solvers), 99)
    theirs = [record | {"game": name} for record in records]
    for record in theirs:  # the answer that a wrong game would have stored
        if name != "good" and record["task"] == "lit_count" and name in WRONG_ONES:
            record["answer"] = str(int(record["answer"]) + 1)
    found = audit.judge(theirs, job)
    reasons = [fault.reason for finding in found for fault in finding.faults]
    return [reason for reason in reasons if "belongs in" not in reason]


WRONG_ONES = {name for name, (text, _) in GAMES.items() if WRONG[1] in text} | SOLVERS.keys()


def test_no_game_is_imported(locked):
    with pytest.raises(RuntimeError, match="good may not be imported here: games are locked in"):
        registry.find_game("good")


@pytest.mark.parametrize("name", [*GAMES, *SOLVERS])
def test_the_verdict(name, records, locked):
    told = faults(name, records, locked)
    expected = {**GAMES, **SOLVERS}[name][1]
    if expected is None:
        assert told == []
    else:
        assert told and any(re.search(expected, reason) for reason in told), told[:5]
        assert all(reason.isprintable() for reason in told)
