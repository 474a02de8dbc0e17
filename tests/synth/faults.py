"""Faults planted in the game of CONTRIBUTING.md and its oracle: what in the audit finds them?

  python -m tests.synth.faults --table docs/faults.md

Each is a small patch, as a hurried author or a language model would write it. Records are made by
the faulty game itself, so that it agrees with them.
"""

import argparse
import collections
import contextlib
import dataclasses
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import synth.games
from records.paths import replace_text
from synth import audit, dataset, oracles, registry
from synth.game import LEVELS
from synth.locked import opening
from synth.records import make_record, split_of
from tests.synth.locked.test_verdict import LIGHTS, PATCH, SOLVER, change

SEED = 5
MANY = {"per_level": 60, "size": None}  # what shows by statistics only
COUNT, ROW = "lit_count", "row_after_press"


@dataclasses.dataclass(frozen=True)
class Planted:
    """what: for the table; kind: of the audit's faults, which must be among those found.

    spoil: changes the records, for what a game can't do wrong. per_level: records of each level.
    size: of the pictures; None: none. locked: judged by `--locked`.
    """

    what: str
    kind: str
    game: str = LIGHTS
    oracle: str = SOLVER
    task: str = COUNT
    per_level: int = 6
    size: int | None = 56
    locked: bool = False
    spoil: Callable[[list[dict]], None] | None = None


def line(old: str, new: str, more: str = "") -> str:
    """The game with another line."""
    return change((old, new), more=more)


def distractors(how: str) -> str:
    """The game with other wrong options of row_after_press; `how` is what the function returns."""
    old = 'return ["".join(pick(rng, "*-") for _ in answer) for _ in range(self.n_options - 1)]'
    return line(old, how)


def counting(how: str) -> str:
    """The game with a count to choose, and these wrong ones."""
    return line(
        '    qa_type, qa_level = PERCEPTION, "Easy"\n',
        '    qa_type, qa_level, n_options = PERCEPTION, "Easy", 4\n\n'
        f"    def distractors(self, lights, rng, answer):\n        return {how}\n",
    )


def answered(how: str, more: str = "") -> str:
    """The game that counts lamps in another way."""
    return line("Solution(sum(counts),", f"Solution({how},", more)


def lit(how: str, more: str = "") -> str:
    """The game that draws the number of lit lamps in another way."""
    return line("between(rng, 0, size * size))", f"{how})", more)


# ------------------------------------------------------------------- what a game can't do wrong


def always_a(records: list[dict]) -> None:
    """The right option comes first."""
    for record in records:
        options = record["options"]
        options.insert(0, options.pop("ABCD".index(record["answer"])))
        record["answer"] = "A"
        record["steps"] = [*record["steps"][:-1], f"{options[0]}: option A."]


def same_twice(records: list[dict]) -> None:
    record = records[0]
    wrong = [at for at in range(4) if "ABCD"[at] != record["answer"]]
    record["options"][wrong[0]] = record["options"][wrong[1]]


def right_one_gone(records: list[dict]) -> None:
    records[0]["options"]["ABCD".index(records[0]["answer"])] = "- - - - - -"


def levels_swapped(records: list[dict]) -> None:
    for record in records:
        record["plot_level"] = {"Easy": "Hard", "Hard": "Easy"}.get(record["plot_level"], "Medium")


def other_steps(records: list[dict]) -> None:
    records[0]["steps"], records[1]["steps"] = records[1]["steps"], records[0]["steps"]


def other_picture(records: list[dict]) -> None:
    records[0]["image"] = records[1]["image"]


def moved(records: list[dict]) -> None:
    """A position of one split in another one, too."""
    records.append({**records[0], "id": f"{records[0]['id']}9", "moved": True})


PLANTED = {
    # ------------------------------------------------------------------------ wrong answers
    "off_by_one": Planted("counts one too many", "oracle", answered("sum(counts) + 1")),
    "first_row": Planted(
        "leaves out the last row",
        "oracle",
        line(
            'marks.count("*") for marks in lights.rows]',
            'marks.count("*") for marks in lights.rows[:-1]]',
        ),
    ),
    "dark_for_lit": Planted(
        "counts the dark lamps", "oracle", line('marks.count("*")', 'marks.count("-")')
    ),
    "one_neighbour": Planted(
        "a press leaves the lamp on the right as it is",
        "oracle",
        line("min(col + 2, len(marks))", "min(col + 1, len(marks))"),
        task=ROW,
    ),
    "around": Planted(
        "a press goes on around the edge",
        "oracle",
        change(
            ("range(max(col - 1, 0), min(col + 2, len(marks)))", "range(col - 1, col + 2)"),
            ("marks[near] = {", "near %= len(marks)\n            marks[near] = {"),
        ),
        task=ROW,
    ),
    "swapped_axes": Planted(
        "takes rows for columns",
        "oracle",
        line("        row, col = lamp\n", "        col, row = lamp\n"),
        task=ROW,
    ),
    "raises": Planted(
        "fails for some positions",
        "wrong",
        line("lights.rows) ** 2)", "lights.rows) ** 2 // (lights.rows[0][0] == '*'))"),
    ),
    # ------------------------------------------------------------------------ chance and memory
    "unseeded_state": Planted(
        "draws the position by another source of chance",
        "made again",
        lit("random.randrange(size * size)", "import random\n"),
    ),
    "unseeded_options": Planted(
        "draws the options by another source of chance",
        "made again",
        distractors('return ["".join(random.choices("*-", k=len(answer))) for _ in range(3)]')
        + "import random\n",
        task=ROW,
    ),
    "unseeded_picture": Planted(
        "draws the picture with noise",
        "wrong",
        line("pick, pick_some, text", "pick, pick_some, text\nimport random").replace(
            "    return board.image",
            '    board.mark((0, 0), "disc", (random.randrange(256), 0, 0))\n    return board.image',
        ),
    ),
    "hidden_state": Planted(
        "remembers the position before",
        "wrong",
        answered(
            "sum(counts) + (seen.append(lights) or len(seen[-2:][0].rows[0]) % 2)", "seen = []\n"
        ),
    ),
    "call_counter": Planted(
        "counts calls",
        "wrong",
        answered(
            "sum(counts) + next(calls) // 10 % 2", "import itertools\ncalls = itertools.count()\n"
        ),
    ),
    "clock": Planted(
        "looks at the clock",
        "wrong",
        answered("sum(counts) + time.perf_counter_ns() // 1000 % 2", "import time\n"),
    ),
    "set_order": Planted(
        "goes by the order of a set",
        "made again",
        lit("[*{str(n) for n in range(97)}].index('1') % (size * size)"),
        locked=True,
    ),
    "hashes": Planted(
        "goes by the hash of a text",
        "wrong",
        answered("sum(counts) + hash(str(lights)) % 2"),
        locked=True,
    ),
    # ------------------------------------------------------------------------ pictures and words
    "two_states": Planted(
        "two positions have one picture: the last rows are not drawn",
        "alike",
        line(
            "enumerate(lights.rows):\n        for col",
            "enumerate(lights.rows[:-2]):\n        for col",
        ),
        per_level=12,
    ),
    "faint": Planted(
        "lit and dark lamps differ by a shade",
        "legible",
        line(
            '("disc", RED) if mark == "*" else ("ring", GREY)',
            '("disc", (200, 0, 0)) if mark == "*" else ("disc", (205, 0, 0))',
        ),
    ),
    "tiny": Planted(
        "lamps are dots of a pixel",
        "legible",
        line(
            "    return board.image",
            "    return dots(lights, board.image)",
            """
def dots(lights, image):
    image.paste((255, 255, 255), (0, 0, *image.size))
    for row, marks in enumerate(lights.rows):
        for col, mark in enumerate(marks):
            image.putpixel((20 + 5 * col, 20 + 5 * row), RED if mark == "*" else GREY)
    return image
""",
        ),
    ),
    "forgetful": Planted(
        "the description leaves out a row",
        "wrong",
        line(
            "marks in enumerate(lights.rows))\n    return",
            "marks in enumerate(lights.rows[1:]))\n    return",
        ),
    ),
    "misread": Planted(
        "the description is read upside down",
        "wrong",
        line("for row in rows))", "for row in rows[::-1]))"),
    ),
    # ------------------------------------------------------------------------ steps
    "wrong_total": Planted(
        "the steps end in another number than the answer",
        "steps",
        line("together {sum(counts)}.", "together {sum(counts) + 7}."),
    ),
    "wrong_sum": Planted(
        "the steps add up wrongly",
        "steps",
        line(
            "together {sum(counts)}.",
            "{counts[0]} + {counts[1]} = {counts[0] + counts[1] + 1}; together {sum(counts)}.",
        ),
    ),
    "stale_steps": Planted("the steps are those of another question", "wrong", spoil=other_steps),
    "stale_picture": Planted(
        "the picture is that of another question", "wrong", spoil=other_picture
    ),
    # ------------------------------------------------------------------------ options
    "twins": Planted("an option is listed twice", "duplicate options", task=ROW, spoil=same_twice),
    "no_right_option": Planted(
        "the answer is not among the options", "wrong", task=ROW, spoil=right_one_gone
    ),
    "two_right": Planted(
        "two options are right",
        "ambiguous",
        distractors(
            """others = ["".join(pick(rng, "*-") for _ in answer) for _ in range(2)]
        return [answer.replace("*", "+", 1), *others]"""
        ),
        SOLVER.replace("def row_after_press", "def exactly").replace(
            '"row_after_press": row_after_press',
            '"row_after_press": lambda *of: lambda text: text.replace("+", "*") == exactly(*of)',
        ),
        task=ROW,
    ),
    # ------------------------------------------------------------------------ guessing
    "first_letter": Planted("A is always right", "blind", task=ROW, **MANY, spoil=always_a),
    "middle": Planted(
        "the middle option is right",
        "blind",
        counting("[answer - 1, answer + 1, answer + 2 * int(rng.integers(2) * 2 - 1)]"),
        **MANY,
    ),
    "smallest": Planted(
        "the smallest option is right",
        "blind",
        counting("[answer + 1, answer + 2, answer + 3]"),
        **MANY,
    ),
    "common_part": Planted(
        "wrong options are the right one with a lamp switched",
        "blind",
        distractors(
            """others = {"*": "-", "-": "*"}
        places = rng.permutation(len(answer))[: self.n_options - 1]
        return [answer[:at] + others[answer[at]] + answer[at + 1 :] for at in places]"""
        ),
        task=ROW,
        **MANY,
    ),
    "always_wrong": Planted(
        "one option is only offered where it is wrong",
        "blind",
        distractors(
            """other = "".join(pick(rng, "*-") for _ in answer)
        return ["*" * len(answer), "-" * len(answer), other]"""
        ),
        task=ROW,
        **MANY,
    ),
    "leak": Planted(
        "the question gives the answer away",
        "blind",
        line(
            'return "How many lamps are lit?"',
            'return f"How many lamps are lit? At least {str(lights.rows).count(chr(42))}."',
        ),
        **MANY,
    ),
    "constant": Planted(
        "most answers are the same", "blind", lit("max(3, between(rng, 0, 4))"), **MANY
    ),
    "by_level": Planted(
        "the level tells the answer", "blind", lit("size + between(rng, 0, 1)"), **MANY
    ),
    # ------------------------------------------------------------------------ levels, splits, time
    "flat": Planted(
        "all levels are equally hard",
        "difficulty",
        line('"Medium": 4, "Hard": 5', '"Medium": 3, "Hard": 3'),
    ),
    "backwards": Planted(
        "Easy is harder than Hard",
        "difficulty",
        line('"Easy": 3, "Medium": 4, "Hard": 5', '"Easy": 5, "Medium": 4, "Hard": 3'),
    ),
    "other_level": Planted(
        "the levels of the records are swapped", "difficulty", spoil=levels_swapped
    ),
    "two_splits": Planted("a position is in two splits", "shared", spoil=moved),
    "slow": Planted(
        "a record takes more than a quarter of a second",
        "slow",
        line(
            "        size = SIZE[level]\n",
            "        size = SIZE[level] + 0 * sum(range(45_000_000))\n",
        ),
        per_level=1,
    ),
    # ------------------------------------------------------------------------ oracles that are none
    "copying": Planted(
        "the oracle asks the game",
        "oracle",
        answered("sum(counts) + 1"),
        "from synth import registry\nfrom synth.engine import Engine\n\n"
        "def lit_count(state, params):\n    game = registry.find_game('NAME')\n"
        "    return str(game.tasks[0].solve(game.state(tuple(state['rows']))).answer)\n\n"
        "ORACLES = {'lit_count': lit_count, 'row_after_press': lit_count}\n",
    ),
    "lenient": Planted(
        "the oracle calls everything right",
        "oracle",
        answered("sum(counts) + 1"),
        "ORACLES = {'lit_count': lambda *asked: lambda text: True}\n",
    ),
    "no_oracle": Planted("the oracle does not know the task", "oracle", oracle="ORACLES = {}\n"),
    "forger": Planted(
        "the game changes the audit", "oracle", answered("sum(counts) + 1", PATCH), locked=True
    ),
}


# -------------------------------------------------------------------------------------- the audit


@contextlib.contextmanager
def in_games(folder: Path, planted: dict[str, Planted]) -> Iterator[Path]:
    """As if SYNTH_GAMES named a folder with these games; the folder of their oracles."""
    (folder / "oracles").mkdir()
    for name, one in planted.items():
        (folder / f"{name}.py").write_text(one.game.replace('name="lights"', f'name="{name}"'))
        (folder / "oracles" / f"{name}.py").write_text(one.oracle.replace("NAME", name))
    synth.games.add([str(folder)])
    registry.game_names.cache_clear()
    importlib.invalidate_caches()
    try:
        yield folder / "oracles"
    finally:
        synth.games.__path__.remove(str(folder))
        registry.game_names.cache_clear()


def convicted(name: str, one: Planted, solvers: Path) -> dict[str, str]:
    """The kinds of fault that the audit finds, each with its first reason."""
    plan = dataset.Plan((name,), one.per_level, SEED, one.size)
    records = [
        make_record(name, one.task, level, SEED, index, one.size)
        for level in LEVELS
        for index in range(one.per_level)
    ]
    if one.spoil:
        one.spoil(records)
    splits = collections.defaultdict(list)
    for record in records:
        split = split_of(name, record["state"])
        elsewhere = {"train": "test"}.get(split, "train")
        splits[elsewhere if record.pop("moved", False) else split].append(record)
    found = collections.defaultdict(list)
    for split, some in splits.items():
        job = audit.Job(Path(), split, 0, len(some), one.size, str(solvers), one.per_level)
        for finding in audit.judge(some, job):
            found[name, one.task].append(finding)
    _, _, faults = audit.verdict(found, plan, str(solvers))
    return {fault.kind: fault.reason for fault in reversed(faults)}


def verdicts(planted: dict[str, Planted]) -> dict[str, dict[str, str]]:
    """`convicted` of each, in this process or locked in."""
    found = {}
    locked = {name: one for name, one in planted.items() if one.locked}
    with TemporaryDirectory() as folder, in_games(Path(folder), planted) as solvers:
        for name, one in planted.items():
            if not one.locked:
                found[name] = convicted(name, one, solvers)
        if locked:
            with opening.locked_in("lock", locked, oracles.files_of(str(solvers), locked)):
                found |= {name: convicted(name, one, solvers) for name, one in locked.items()}
    return {name: found[name] for name in planted}


ABOUT = """\
# What the audit finds

`python -m tests.synth.faults --table docs/faults.md` wrote this page.

{count} faults, each planted in the small game of [CONTRIBUTING.md](../CONTRIBUTING.md), its oracle
or its records; the faulty game makes the records itself, so that it agrees with them. **The audit
finds {found} of them.**

Nothing finds these but a look at the gallery and into the code: a picture or a question that says
something else than the position or the params, but always in the same way (drawn transposed, or
"row 2" for row 1); an oracle that makes the game's own mistake; marks that a machine tells apart
and eyes don't; steps that are wrong otherwise than in a sum or in the number at their end.

"with `--locked`": only an audit that does not import the game finds it.

| fault | check | what it says |
| --- | --- | --- |
"""


def page(found: dict[str, dict[str, str]]) -> str:
    lines = []
    for name, kinds in found.items():
        one = PLANTED[name]
        check = one.kind if one.kind in kinds else "**none**"
        reason = kinds.get(one.kind, "").replace("|", "\\|").replace(name, "lights")
        reason = re.sub(r"\S+/oracles\b", "oracles", reason)
        told = reason if len(reason) < 100 else f"{reason[:97]}..."
        where = " with `--locked`" if one.locked else ""
        lines.append(f"| {one.what} | {check}{where} | {told} |\n")
    caught = sum(PLANTED[name].kind in kinds for name, kinds in found.items())
    return ABOUT.format(count=len(found), found=caught) + "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, metavar="FILE.md", help="write the page there")
    args = parser.parse_args()
    found = verdicts(PLANTED)
    for name, kinds in found.items():
        print(
            f"{'found' if PLANTED[name].kind in kinds else 'MISSED':7}{name:18}{', '.join(kinds)}"
        )
    if args.table:
        replace_text(args.table, page(found))


if __name__ == "__main__":
    main()
