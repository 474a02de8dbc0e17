"""How many planted errors the filters of `synth augment` find, and how many good texts they reject.

`python -m benchmarks.corruptions --table docs/augment.md` writes the page. The good texts are real
chains in the words of `benchmarks.rewrites`; an error of one of KINDS is planted into others.
"""

import argparse
import collections
import dataclasses
import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks import rewrites
from records.paths import replace_text
from synth import registry
from synth.augment.filters import FILTERS, Chain, chain_of, rejected
from synth.game import LEVELS
from synth.records import make_question

SEED = 20261129
EACH = 100  # of each kind
ABOUT = """\
# How well rewritten chains are checked

`python -m benchmarks.corruptions --table docs/augment.md` wrote this page.

`python -m synth augment` lets a language model word a chain of reasoning more fully, and rejects
what it writes if a filter objects. Here the filters get {total} texts whose worth is known. They
are no model's: rules written by hand (`benchmarks/rewrites.txt`) word the steps of real chains of
{games} games in other words, and a program plants one error into half of them.

**{rejected:.1%} of the good texts are wrongly rejected (the engine's own steps are kept then), and
{caught:.1%} of the errors are caught.** These figures flatter: filters and rules have the same
author, who mended the filters by what they got wrong here. What they made of texts that nobody had
looked at before, whenever games were added to the first eight:

| games added | wrongly rejected | caught | what was mended then |
| --- | ---: | ---: | --- |
| 9 | 2.5% | 89.5% | negations and wrong conclusions, by texts of the first eight |
| the same again | 7.5% | 98.0% | "still", sentences said again |
| 5 | 24.5% | 99.5% | "(#" was no mark; a row and a column apart; "below" told otherwise |
| 5 | 15.0% | 94.5% | "here is the board", "going down the rows" |
| 3 | 17.1% | 97.1% | "no other column has as much" for "the most is in column" |

So expect some such share of a model's good texts to be rejected, and an error in twenty to pass.

Texts by the filter that rejects them, the first one that objects; "none": what no filter found.
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """A text to be filtered. kind: of the planted error, "" for none."""

    kind: str
    game: str
    chain: Chain
    text: str
    cut: bool = False


def texts_of(games: tuple[str, ...], rng: random.Random) -> Iterator[tuple[str, Chain, str]]:
    """Chains of all tasks and levels in turn, each in other words."""
    tasks = [
        (game, task.name, level)
        for level in LEVELS
        for game in games
        for task in registry.engine(game).about().tasks
    ]
    for index in itertools.count():
        for game, task, level in rng.sample(tasks, len(tasks)):
            chain = chain_of(make_question(game, task, level, SEED, index))
            text = rewrites.rewrite(game, chain.steps, chain.answer, rng)
            if text is not None:
                yield game, chain, text


# ------------------------------------------------------------------------------------- planting


def changed_number(text: str, chain: Chain, rng: random.Random) -> str | None:
    found = list(re.finditer(r"\d+", text))
    if not found:
        return None
    at = rng.choice(found)
    other = int(at[0]) + rng.choice([-1, 1, 2])
    return f"{text[: at.start()]}{abs(other)}{text[at.end() :]}"


def swapped_direction(text: str, chain: Chain, rng: random.Random) -> str | None:
    """Of those that the steps have: the others are idioms, such as "down the rows"."""
    ways = ("up", "down", "left", "right")
    own = [way for way in ways if re.search(rf"\b{way}\b", chain.text, re.IGNORECASE)]
    found = list(re.finditer(rf"(?<!-)\b({'|'.join(own)})\b(?!-)", text)) if own else []
    if not found:
        return None
    at = rng.choice(found)
    other = rng.choice([way for way in ways if way != at[0]])
    return f"{text[: at.start()]}{other}{text[at.end() :]}"


def dropped_step(text: str, chain: Chain, rng: random.Random) -> str | None:
    """Not the last one: what it says, a conclusion may say again."""
    lines = text.split("\n")
    if len(lines) < 4:
        return None
    at = rng.randrange(len(lines) - 2)
    return "\n".join(lines[:at] + lines[at + 1 :])


def negated(text: str, chain: Chain, rng: random.Random) -> str | None:
    found = list(re.finditer(r"\b(?:is|are|can|does)\b(?! not)", text))
    if not found:
        return None
    at = rng.choice(found)
    return f"{text[: at.end()]} not{text[at.end() :]}"


def wrong_total(text: str, chain: Chain, rng: random.Random) -> str | None:
    found = list(re.finditer(r"= (\d+)|(\d+) (?:together|in number|in total|in all)", text))
    if not found:
        return None
    at = rng.choice(found)
    number = at[1] or at[2]
    other = str(abs(int(number) + rng.choice([-2, -1, 1, 2])))
    return text[: at.start()] + at[0].replace(number, other) + text[at.end() :]


def other_answer(text: str, chain: Chain, rng: random.Random) -> str | None:
    body, _, last = text.rpartition("\n")
    if chain.answer not in last or not last.startswith(("So", "Thus", "Therefore", "That settles")):
        return None
    if number := re.search(r"\d+", chain.answer):
        other = chain.answer.replace(number[0], str(int(number[0]) + 1), 1)
    else:
        other = {"red": "blue", "white": "red", "up": "down", "rook": "king"}.get(
            chain.answer, "left"
        )
    return f"{body}\n{last.replace(chain.answer, other)}" if other != chain.answer else None


def repeated(text: str, chain: Chain, rng: random.Random) -> str | None:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    return "\n".join(lines[:at] + lines[at : at + 1] * rng.randint(2, 12) + lines[at + 1 :])


def cut_off(text: str, chain: Chain, rng: random.Random) -> str | None:
    words = text.split(" ")
    return " ".join(words[: max(1, int(len(words) * rng.uniform(0.3, 0.9)))])


KINDS = {
    "changed number": changed_number,
    "swapped direction": swapped_direction,
    "dropped step": dropped_step,
    "negation": negated,
    "wrong total": wrong_total,
    "answer changed": other_answer,
    "repetition": repeated,
    "cut": cut_off,
}


def cases(games: tuple[str, ...], each: int) -> list[Case]:
    """As many good texts as texts with an error; `each` of each kind."""
    rng = random.Random(SEED)
    texts = texts_of(games, rng)
    found = [Case("", *next(texts)) for _ in range(each * len(KINDS))]
    for kind, plant in KINDS.items():
        count = 0
        while count < each:
            game, chain, text = next(texts)
            bad = plant(text, chain, rng)
            if bad is not None and bad != text:
                found.append(Case(kind, game, chain, bad))
                count += 1
    return found


# -------------------------------------------------------------------------------------- measuring


def measure(some: list[Case]) -> collections.Counter:
    """How many of each (kind, filter); filter: "" where none objects."""
    found = collections.Counter()
    for case in some:
        objection = rejected(case.text, case.chain, case.cut)
        found[case.kind, objection[0] if objection else ""] += 1
    return found


def share_caught(found: collections.Counter, kind: str | None = None) -> float:
    """Of the texts with an error of that kind, or of any."""
    of = {key: n for key, n in found.items() if key[0] and kind in (None, key[0])}
    return 1 - sum(n for (_, by), n in of.items() if not by) / sum(of.values())


def share_rejected(found: collections.Counter) -> float:
    """Of the good texts."""
    of = {by: n for (kind, by), n in found.items() if not kind}
    return 1 - of.get("", 0) / sum(of.values())


def page(found: collections.Counter) -> str:
    about = ABOUT.format(
        total=found.total(),
        games=len(rewrites.RULES),
        rejected=share_rejected(found),
        caught=share_caught(found),
    )
    kinds = ["", *KINDS]
    lines = [
        f"| filter | {' | '.join(kind or 'good texts' for kind in kinds)} |",
        f"| --- |{' ---: |' * len(kinds)}",
    ]
    for name in [*FILTERS, ""]:
        counts = [found[kind, name] for kind in kinds]
        if any(counts):
            shown = " | ".join(str(count or "") for count in counts)
            lines.append(f"| {name or 'none'} | {shown} |")
    return "\n".join([about, *lines]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, metavar="FILE.md", help="write the page there")
    args = parser.parse_args()
    found = measure(cases(tuple(rewrites.RULES), EACH))
    print(f"{share_caught(found):.1%} caught, {share_rejected(found):.1%} wrongly rejected")
    if args.table:
        replace_text(args.table, page(found))


if __name__ == "__main__":
    main()
