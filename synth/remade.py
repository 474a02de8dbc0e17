"""A few records of a task made again from their seed: equal, quickly, and to be told apart?"""

import dataclasses
import io
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from PIL import Image

from records.errors import UserError
from synth import dataset, registry
from synth.game import LEVELS
from synth.records import make_record

RECORDS = 5  # of each level
SLOWEST = 0.25  # seconds for a record; the games here take a hundredth
READ_AT = 224  # pixels: the size at which two positions must look different
CONTRAST, PIXELS = 32, 24  # of 255 in a channel, in so many pixels
REMADE, LEGIBLE, SLOW = "made again", "legible", "slow"


@dataclasses.dataclass(frozen=True)
class Remade:
    """seconds: for a record; nan where one can't be made. said: (kind, record's id, reason)."""

    seconds: float
    said: list[tuple[str, str, str]]


def remake(task: tuple[str, str, dataset.Plan]) -> Remade:
    """Makes the records with the lowest indices twice; the first time fills caches.

    The seconds are those of the processor, or on the clock where games are locked in. There the
    records are made once more, by a process that knows nothing of the first.
    """
    game, name, plan = task
    clock = time.perf_counter if registry.answering() else time.process_time
    named = [(game, name, level, plan.seed, at) for level in LEVELS for at in range(RECORDS)]
    first, second, seconds = [], [], 0.0
    try:
        for one in named:
            first.append(make_record(*one, plan.size))
            start = clock()
            second.append(make_record(*one, plan.size))
            seconds += clock() - start
            if (each := seconds / len(second)) > SLOWEST and len(second) > 2:
                said = [(SLOW, f"{game}/{name}", f"a record takes {each:.2f} s")]
                return Remade(each, said)
        said = list(_differences(first, second))
        if registry.answering() and not said:
            other = registry.engine(game, again=True)
            third = [other.make(name, record["plot_level"], record["seed"]) for record in first]
            said = list(_differences(first, map(dataclasses.asdict, third)))
    except UserError as error:
        return Remade(math.nan, [(REMADE, f"{game}/{name}", f"cannot be made again: {error}")])
    if plan.size:
        said += _illegible(second)
    return Remade(each, said)


def _differences(first: Sequence[dict], again: Iterable[dict]) -> Iterator[tuple[str, str, str]]:
    for one, other in zip(first, again, strict=True):
        if names := [name for name in one if name in other and _differ(name, one, other)]:
            yield REMADE, one["id"], f"from the same seed comes another {', '.join(names)}"


def _differ(name: str, one: dict, other: dict) -> bool:
    """steps: a record's may end in one that names the letter."""
    mine, theirs = one[name], other[name]
    return mine[: len(theirs)] != theirs if name == "steps" else mine != theirs


def _illegible(records: Sequence[dict]) -> Iterator[tuple[str, str, str]]:
    """Pictures of two positions of a level that hardly differ."""
    for one, other in pairwise(records):
        if one["plot_level"] == other["plot_level"] and one["state"] != other["state"]:
            seen = abs(_pixels(one["image"]) - _pixels(other["image"])).max(-1)
            if (seen >= CONTRAST).sum() < PIXELS:
                reason = f"at {READ_AT} pixels it looks like {other['id']}, another position"
                yield LEGIBLE, one["id"], reason


def _pixels(png: bytes) -> np.ndarray:
    """int16 [height, width, 3], at most READ_AT high and wide."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((READ_AT, READ_AT), Image.Resampling.BOX)
    return np.asarray(picture, np.int16)
