"""From a source to a game: replies written by hand, from bad ones to such that pass."""

import dataclasses
import json
import os
import re
import signal
from pathlib import Path

import pytest

from synth.__main__ import main
from synth.adapt import checks
from synth.adapt.run import adapt
from synth.locked.process import Limits
from tests.conftest import ROOT, launcher
from tests.endpoint.scripted import Scripted, completion
from tests.synth.locked.test_verdict import games_in

HERE = Path(__file__).parent
SOURCES = {"life": "life.py", "serpent": "serpent", "twenty_one": "twenty_one.py"}
QUICK = checks.Settings("lock", records=8, blind=40, seconds=30)


def file(name: str, *changes: tuple[str, str]) -> str:
    """A file of files/ with other lines."""
    text = (HERE / "files" / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def fenced(text: str, language: str = "python") -> str:
    return f"This is it.\n\n```{language}\n{text}```\n"


def plan(name: str) -> str:
    return fenced(file(f"{name}.json"), "json")


def game(name: str, *changes: tuple[str, str]) -> str:
    return fenced(file(f"{name}.py", *changes))


def oracle(name: str, *changes: tuple[str, str]) -> str:
    return fenced(file(f"{name}.oracle.py", *changes))


def source(name: str) -> Path:
    return HERE / "sources" / SOURCES[name]


def asked(request: dict) -> str:
    """The last message of a request."""
    return request["messages"][-1]["content"]


def kept(out: Path) -> dict:
    return json.loads((out / "adapt.json").read_text())


def faults(out: Path, turn: int) -> list[dict]:
    return json.loads((out / "turns" / f"{turn:02}" / "faults.json").read_text())["faults"]


LEAK = (  # the others share most with the answer
    "[after(new(rng, level).rows)[0] for _ in range(self.n_options - 1)]",
    '[answer[:at] + {"#": "-", "-": "#"}[answer[at]] + answer[at + 1 :] for at in range(3)]',
)
OFF_BY_ONE = ("Solution(sum(counts),", "Solution(sum(counts) + 1,")
FLAT = ("lambda life: len(life.rows) ** 2", "lambda life: 9")


def test_from_a_syntax_error_to_a_pass(tmp_path, capsys):
    replies = [
        plan("life"),
        game("life", ("def new(rng, level):", "def new(rng, level)")),
        game(
            "life", ("between, pick, pick_some, text", "between, pick, pick_some, pick_one, text")
        ),
        game("life", OFF_BY_ONE),
        oracle("life"),
        game("life", LEAK),
        oracle("life"),
        game("life", FLAT),
        game("life"),
    ]
    out = tmp_path / "out"
    with Scripted(replies) as server:
        assert adapt(source("life"), out, server.url, "writer", how=QUICK) == "passed"
    told = [asked(request) for request in server.requests]
    assert len(told) == len(replies)
    syntax, imported, first, by_hand, again, leak, flat = told[2:]
    assert "SyntaxError: expected ':'" in syntax and "def new(rng, level)\n" in syntax
    assert "cannot import name 'pick_one'" in imported and "(life.py, line 8)" in imported
    # Both derive the answer, and neither learns what the other said.
    wrong = json.loads((out / "turns/05/faults.json").read_text())["faults"]
    assert {fault["task"] for fault in wrong} == {"live_count"} and "calls the answer" in wrong[0][
        "seen"
    ]
    for one in (by_hand, again):
        assert "Two programs do not agree" in one and "write down from the rules" in one
        assert wrong[0]["record"]["state"] in one and "How many cells are alive?" in one
        assert "answer:" not in one and wrong[0]["seen"] not in one
    assert re.search(
        r"blind \(task row_next\).*the blind reader '[\w ]+' is right on \d+ of 120", leak
    )
    assert "options: [" in leak and "Nothing betrays the answer." in leak
    assert "cells do not grow: 9.00, 9.00, 9.00" in flat and "Hard is harder." in flat
    # Who solves sees no code of the game and no answer to what is shown.
    for request in (server.requests[4], server.requests[6]):
        hidden = ("LiveCount", "fill_all", "Alive in each row")
        assert not any(words in json.dumps(request) for words in hidden)
    assert "state: {" in first and "answer" not in first.split("# Form")[0].split("state: {", 1)[1]
    done = kept(out)
    assert done["verdict"] == "passed"
    assert done["source"]["licence"] == "life.py: SPDX-License-Identifier: MIT"
    assert [turn["faults"][0][0] if turn["faults"] else None for turn in done["turns"]] == [
        *(None, "file", "contract", None, "oracle", None, "blind", "difficulty", None)
    ]
    assert (out / "life.py").read_text().endswith(file("life.py"))
    assert "nobody has read it" in (out / "life.py").read_text().split('"""')[0]
    report = (out / "report.html").read_text()
    assert report.count("<article") == 9 and "do not grow" in report
    # What came out is a game like others.
    with games_in(out):
        data = ["--locked", "--sandbox", "lock", "--workers", "1"]
        made = ["generate", *data, "--games", "life", "--per-task", "4", "--size", "56"]
        assert main([*made, "--out", str(tmp_path / "data")]) == 0
        check = ["audit", *data, str(tmp_path / "data"), "--oracles", str(out / "oracles")]
        assert main(check) == 0
    printed = capsys.readouterr()
    assert "36 records, all good" in printed.out and "Traceback" not in printed.out + printed.err


def test_a_wrong_solver(tmp_path):
    """The game is right, and stays; its author is asked, too, and told no more than the other."""
    wrong = oracle("serpent", ("{row % state['size']}", "{row}"))
    wrong = wrong.replace("way_to_food(state, params):", "way_to_food(state, params):  # waves")
    replies = [plan("serpent"), game("serpent"), game("serpent")]
    with Scripted(replies) as server, Scripted([wrong, oracle("serpent")]) as solver:
        names = {"oracle_llm": (solver.url, "solver"), "how": QUICK}
        outcome = adapt(source("serpent"), tmp_path, server.url, "writer", **names)
    assert outcome == "passed"
    assert [request["model"] for request in server.requests] == ["writer"] * 3
    assert [request["model"] for request in solver.requests] == ["solver"] * 2
    (fault, *_) = faults(tmp_path, 3)
    assert (fault["check"], fault["task"], fault["who"]) == ("oracle", "head_after", "both")
    for request in (server.requests[2], solver.requests[1]):
        assert fault["record"]["question"] in asked(request)
        assert fault["seen"] not in json.dumps(request)
    assert kept(tmp_path)["source"]["licence"].startswith("LICENSE: Copyright")
    prompt = server.requests[1]["messages"][0]["content"]
    assert "class Serpent:" in prompt and "File main.py:" in prompt and "class LitCount" in prompt
    assert (tmp_path / "oracles" / "serpent.py").exists()


def test_a_task_that_stays_wrong_is_dropped_aloud(tmp_path):
    bad = [
        game("twenty_one", ("sum(worth(card) for card in hand.hand if is_red(card))", how))
        for how in ("1 / 0", "hand.red", "hand[0]")
    ]
    less = (", RedCount()),", "),"), ("class RedCount(Task):", "class Unused(Task):")
    replies = [plan("twenty_one"), *bad, game("twenty_one", *less), oracle("twenty_one")]
    said = []
    with Scripted(replies) as server:
        out = tmp_path
        outcome = adapt(source("twenty_one"), out, server.url, "writer", how=QUICK, say=said.append)
    assert outcome == "passed"
    zero = asked(server.requests[2])
    assert "records (task red_count)" in zero and "ZeroDivisionError: division by zero (tw" in zero
    assert "The task red_count could not be mended." in asked(server.requests[4])
    assert kept(out)["dropped"].keys() == {"red_count"}
    assert any(line.startswith("TASK DROPPED: red_count") for line in said)
    assert "dropped: red_count" in (out / "report.html").read_text()


def test_the_same_file_twice(tmp_path):
    """It is begun anew once, with what could not be mended, and then given up."""
    bad = game("life", ("def new(rng, level):", "def new(rng, level)"))
    with Scripted([plan("life"), bad, bad, bad, bad]) as server:
        outcome = adapt(source("life"), tmp_path, server.url, "writer", how=QUICK)
    assert outcome == "given up" and len(server.requests) == 5
    anew = server.requests[3]["messages"]
    assert len(anew) == 1 and "An earlier attempt" in anew[0]["content"]
    assert "expected ':'" in anew[0]["content"]


def test_the_budget_ends_and_the_command_resumes(tmp_path, capsys):
    bad = game("life", ("def new(rng, level):", "def new(rng, level)"))
    with Scripted([plan("life"), bad, game("life", FLAT)]) as server:
        command = ["adapt", str(source("life")), "--llm", server.url, "--model", "m", "--sandbox"]
        command += ["lock", "--out", str(tmp_path), "--turns", "2"]
        assert main([*command, "--max-requests", "2"]) == 1
        assert "budget of 2 requests" in capsys.readouterr().out
        assert kept(tmp_path)["verdict"] == "budget ended"
        assert main([*command, "--max-requests", "2"]) == 1
        assert main(command) == 1  # nothing is asked any more
    assert kept(tmp_path)["verdict"] == "turns ended" and len(server.requests) == 3
    assert main([*command[:5], "other", *command[6:]]) == 2
    assert "keeps a run with another llm" in capsys.readouterr().err
    assert kept(tmp_path)["best"] == "turns/03"
    assert not list(tmp_path.glob("*.py")) and not (tmp_path / "oracles").exists()


def test_a_killed_run_pays_for_nothing_twice(tmp_path):
    replies = [
        plan("life"),
        game("life", ("return Life(tuple(row", "return Live(tuple(row")),
        "",
        "x",
    ]
    started = []

    def reply(request):
        number = len(server.requests)
        if number == 3 and started:
            os.kill(started.pop().pid, signal.SIGKILL)
        return completion(replies[number - 1]) if number < 4 else (503, {}, "busy", 0.0, False)

    out = tmp_path / "out"
    with Scripted(reply) as server:
        command = ["synth", "adapt", str(source("life")), "--llm", server.url, "--model", "m"]
        command += ["--sandbox", "lock", "--out", str(out), "--max-wait", "0"]
        command = list(map(str, command))
        run = launcher().start(command, ROOT, dict(os.environ))
        started.append(run)
        assert run.wait().returncode == -signal.SIGKILL
        before = {path: path.read_bytes() for path in (out / "turns").glob("0[12]/*.*")}
        assert len(before) == 8
        done = launcher().run(command, ROOT, dict(os.environ))
    assert done.returncode == 3 and "resumes" in done.stdout and "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    first, second, *rest = server.requests
    assert rest and all(request == rest[0] for request in rest)
    assert first != second != rest[0]
    assert kept(out)["verdict"] == "endpoint gave out"


# ------------------------------------------------------------------------------------ bad replies


def life(*changes: tuple[str, str], more: str = "") -> str:
    return fenced(file("life.py", *changes) + more)


ENDS = ("GAME = Game(", "import dataclasses as d\nend = vars(d)['sys'].modules\nGAME = Game(")
BAD = {  # a reply, the check that catches it, and its words
    "no fence": (file("life.py"), "reply", "holds no fenced block"),
    "prose": ("I would rather not write this.", "reply", "holds no fenced block"),
    "two files": (2 * life(), "reply", "holds 2 fenced blocks"),
    "not closed": (life().rstrip("`\n"), "reply", "not closed"),
    "a fence in a fence": (
        life(('"""Life on a torus', '"""\n```\nLife on a torus')),
        "reply",
        "not closed",
    ),
    "10 MB": ("x" * 10_000_000, "reply", "characters, more than"),
    "another name": (life().replace("```python", "```python maze.py"), "reply", "another file"),
    "a path": (life().replace("```python", "```python ../../maze.py"), "reply", "another file"),
    "BOM": (life().replace('"""Life', '\ufeff"""Life', 1), "reply", r"U\+FEFF in line 1"),
    "NUL": (life(("# alive, - dead", "# alive,\0 - dead")), "reply", r"U\+0000 in line \d+"),
    "escapes": (life(("# alive, - dead", "\x1b[2J - dead")), "reply", r"U\+001B"),
    "two games": (life(more="\nGAME = GAME\n"), "file", "2 lines of the file begin"),
    "no game": (life(("GAME = Game(", "PLAY = Game(")), "file", "0 lines of the file begin"),
    "no line of its own": (life(("GAME = Game(", "GAME=Game(")), "file", "0 lines of the file"),
    "socket": (life(more="import socket\n"), "file", "imports socket"),
    "prints": (life(more="for _ in range(10**6):\n    print(1)\n"), "file", "uses print"),
    "patches": (life(more="re.sys.modules['synth.audit'] = None\n"), "file", "uses .modules"),
    "wrong name": (life(('name="life"', 'name="death"')), "contract", "calls it 'death'"),
    "lacks a task": (life((", BestSwitch()),", "),")), "contract", "lacks the planned"),
    "no qa_type of the plan": (
        life(('PREDICTION, "Medium"', 'PERCEPTION, "Medium"')),
        "contract",
        "qa_type of row_next is Target Perception, not State Prediction",
    ),
    "tells the answer": (
        life(
            ("of_marks(marks, size), {}", 'of_marks(marks, size), {"count": len(alive)}'),
            ("def ask(self, life):", "def ask(self, life, count):"),
            ("def solve(self, life):", "def solve(self, life, count):"),
        ),
        "params",
        "The param count is the answer, in 24 of 24 questions",
    ),
    "ends": (
        life(more="import numpy\ngetattr(numpy.ma.core.inspect, 'o' + 's')._exit(0)\n"),
        "contract",
        "ended with code 0",
    ),
    "loops": (life(more="while True:\n    pass\n"), "contract", "has not answered in time"),
    "raises": (
        life(more="raise ValueError(chr(27) + '[2J\\nall good')\n"),
        "contract",
        r"ValueError:  \[2J all good \(life.py, line \d+\)",
    ),
    "chance": (
        life(
            ("import re\n", "import re\n\nimport numpy\n"),
            ("def new(rng, level):\n", "def new(rng, level):\n    rng = numpy.random\n"),
            ('"".join(pick(rng, "#--")', '"".join(rng.choice(list("#--"))'),
        ),
        "repeats",
        "drawn again from the same seed in another process: state was",
    ),
    "hashes": (
        life(("Solution(sum(counts),", "Solution(sum(counts) + hash(life.rows) % 2,")),
        "repeats",
        "answer was",
    ),
    "counts its calls": (
        life(
            ("Solution(sum(counts),", "Solution(sum(counts) + next(calls) // 20 % 2,"),
            more="import itertools\ncalls = itertools.count()\n",
        ),
        "repeats|solved again",
        "answer was|another text",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_reply_is_a_fault_with_a_name(name, tmp_path, capsys):
    reply, check, words = BAD[name]
    with Scripted([plan("life"), reply]) as server:
        limits = Limits(reply_seconds=1 if name == "loops" else 30)
        how = dataclasses.replace(QUICK, limits=limits)
        outcome = adapt(source("life"), tmp_path, server.url, "writer", how=how, turns=1)
    assert outcome == "turns ended"
    (found, *_) = faults(tmp_path, 2)
    assert re.fullmatch(check, found["check"]) and re.search(words, found["reason"]), found
    assert found["mend"] and found["who"] == "game"
    assert {path.name for path in tmp_path.iterdir()} <= {
        *("adapt.json", "cache.sqlite", "cache.sqlite-shm", "cache.sqlite-wal"),
        *("report.html", "turns"),
    }
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err
    assert all(c.isprintable() or c == "\n" for c in printed.out)


REPLIES = {  # what a server says in place of a file
    "refused": completion(None, message={"refusal": "no"}),
    "empty": completion(""),
    "cut": completion(life()[:900], finish_reason="length"),
}


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_that_is_none_is_never_run(name, tmp_path):
    with Scripted([plan("life"), REPLIES[name]]) as server:
        outcome = adapt(source("life"), tmp_path, server.url, "writer", how=QUICK, turns=1)
    assert outcome == "turns ended" and not list(tmp_path.rglob("*.py"))
    assert {"refused": "refusal", "empty": "empty", "cut": "cut"}[name] in faults(tmp_path, 2)[0][
        "reason"
    ]
