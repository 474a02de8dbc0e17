"""States that a game did not choose, made from those that it chose."""

import dataclasses
import itertools
import json
import random
from collections.abc import Iterator

from synth.game import to_json


@dataclasses.dataclass(frozen=True)
class Altered:
    """field: of the state, the one that differs. state: as `game.to_json` writes it."""

    field: str
    state: str


def altered(state: str, other: str, rng: random.Random, count: int) -> list[Altered]:
    """Up to `count` states for each field of this one; the rules may not allow them.

    In a text, a board or a list two marks are exchanged; a single value is taken from the other
    state. Two fields of one kind exchange their values, too.
    """
    fields, others = json.loads(state), json.loads(other)
    found = []
    for field, value in fields.items():
        groups = [group for group in _groups(value) if len({mark for _, mark in group}) > 1]
        values = [_exchanged(value, rng.choice(groups), rng) for _ in range(count if groups else 0)]
        if isinstance(value, str | int) and type(others.get(field)) is type(value):
            values = [others[field]] if others[field] != value else []
        found += [Altered(field, to_json(fields | {field: one})) for one in values]
    for one, two in itertools.combinations(fields, 2):
        if _kind(fields[one]) == _kind(fields[two]) and fields[one] != fields[two]:
            swapped = {one: fields[two], two: fields[one]}
            found.append(Altered(f"{one} and {two}", to_json(fields | swapped)))
    return list(dict.fromkeys(found))


def _kind(value):
    """Equal for two words, two numbers and two cells."""
    return [_kind(item) for item in value] if isinstance(value, list) else type(value)


def _groups(value, path: tuple = ()) -> Iterator[list[tuple[tuple, object]]]:
    """Places that hold marks of one kind, each (path, mark): of the texts that are a board's rows,
    the numbers or words of a list."""
    if not isinstance(value, list) or not value:
        return
    kinds = {type(item) for item in value}
    if kinds == {str} and len({len(text) for text in value}) == 1 < len(value[0]):
        yield [
            ((*path, row, at), mark)
            for row, text in enumerate(value)
            for at, mark in enumerate(text)
        ]
    elif kinds in ({str}, {int}):
        yield [((*path, at), item) for at, item in enumerate(value)]
    else:
        for at, item in enumerate(value):
            yield from _groups(item, (*path, at))


def _exchanged(value, group, rng: random.Random):
    """A copy in which two places of the group hold each other's marks, which differ."""
    one, mark = rng.choice(group)
    other, other_mark = rng.choice([(path, theirs) for path, theirs in group if theirs != mark])
    return _put(_put(json.loads(json.dumps(value)), one, other_mark), other, mark)


def _put(value, path: tuple, mark):
    if not path:
        return mark
    at, *rest = path
    if isinstance(value, str):
        return value[:at] + mark + value[at + 1 :]
    value[at] = _put(value[at], tuple(rest), mark)
    return value
