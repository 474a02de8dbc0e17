"""From a task to a record. No TensorFlow Datasets here, so that worker processes start quickly."""

import hashlib
from collections.abc import Iterable, Sequence
from string import ascii_uppercase as LETTERS

from records.schema import SPLITS
from synth import game as games
from synth import registry
from synth.draw import png

HELD_OUT = SPLITS[1:]


def record_seed(game: str, task: str, level: str, seed: int, index: int) -> int:
    """The record's own seed: 63 bits of SHA-256 over what names the record."""
    name = f"{game}/{task}/{level}/{seed}/{index}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 1


def split_of(game: str, state: str) -> str:
    """The split a position belongs to, whoever generates it, by its hash.

    8/10 train, 1/10 validation, 1/10 test; but a game outside the domain is never trained on, half
    of its positions are for validation. state: the state's JSON.
    """
    bucket = int.from_bytes(hashlib.sha256(f"{game}\n{state}".encode()).digest()[:8], "big") % 10
    if splits_of([game]) == SPLITS:
        return SPLITS[max(0, bucket - 7)]
    return HELD_OUT[bucket % 2]


def splits_of(played: Iterable[str]) -> tuple[str, ...]:
    """The splits that positions of these games can be in."""
    kinds = {registry.engine(game).about().split_kind for game in played}
    return SPLITS if "in_domain" in kinds else HELD_OUT


def make_question(game: str, task: str, level: str, seed: int, index: int) -> dict:
    """A record without its picture: a function of the arguments alone.

    The features are those of `schema.question`. Raises RuntimeError if no drawn state can carry
    the question.
    """
    own_seed = record_seed(game, task, games.check_level(level), seed, index)
    engine = registry.engine(game)
    about = engine.about()
    its_task = about.task(task)
    made = engine.make(task, level, own_seed)
    answer, steps = write_answer(made.text, made.steps, made.options)
    return {
        "id": f"{game}-{task}-{level}-{seed}-{index}",
        "game": game,
        "category": about.category,
        "split_kind": about.split_kind,
        "task": task,
        "qa_type": its_task.qa_type,
        "plot_level": level,
        "qa_level": its_task.qa_level,
        "question": f"{about.rules}\n\n{made.asked}",
        "options": made.options,
        "answer": answer,
        "steps": steps,
        "state": made.state,
        "params": made.params,
        "description": made.description,
        "seed": own_seed,
    }


def write_answer(text: str, steps: Sequence[str], options: list[str]) -> tuple[str, list[str]]:
    """A record's `answer` and `steps`, given the right answer's text and the solution's steps."""
    if not options:
        return text, list(steps)
    letter = LETTERS[options.index(text)]
    return letter, [*steps, f"{text}: option {letter}."]


def make_record(game: str, task: str, level: str, seed: int, index: int, size: int | None) -> dict:
    """A whole record, as `with_position`."""
    return with_position(make_question(game, task, level, seed, index), size)


def with_position(record: dict, size: int | None) -> dict:
    """A record of `make_question` that shows its position, or (size: None) puts it in words.

    `image` is a PNG of size x size pixels, as bytes. The words are a part of the question.
    """
    if size:
        return record | {"image": draw_png(record["game"], record["state"], size)}
    return record | {"question": with_words(record["question"], record["description"])}


def with_words(question: str, description: str) -> str:
    """A question that says in words what its picture would show."""
    rules, asked = question.split("\n\n", 1)
    return f"{rules}\n\n{in_words(description)}{asked}"


def in_words(description: str) -> str:
    """What a question without a picture says between the rules and what is asked."""
    return f"There is no picture here; in words, it would show this:\n{description}\n\n"


def draw_png(game: str, state: str, size: int) -> bytes:
    """The picture of a state given as JSON."""
    return png(registry.engine(game).draw(state, size))
