"""The pyramid: real positions, balanced answers, published defects, the picture."""

import collections

import numpy as np
import pytest

from synth.game import LEVELS, state_from_json
from synth.games.pyramid_chess import picture, rules
from synth.registry import find_game
from tests.synth.oracles.pyramid_chess import balls, can_fill, under
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("pyramid_chess")
TASKS = [task.name for task in GAME.tasks]


@pytest.mark.parametrize("task", TASKS)
def test_positions_come_from_a_game(task):
    """No ball floats, turns alternate, and the balls can be laid down turn by turn."""
    for record in questions("pyramid_chess", task, 20):
        marks = balls(state_and_params(record)[0])
        held = {slot: mark for slot, mark in marks.items() if mark != "-"}
        assert all(other in held for slot in held for other in under(slot))
        counts = collections.Counter(held.values())
        assert counts["B"] - counts["R"] in (0, 1)
        assert has_an_order(held)


def has_an_order(held) -> bool:
    """Lays the balls down turn by turn, low ones and those that carry most first; looks back."""
    carries = {slot: sum(slot in under(other) for other in held) for slot in held}
    order = sorted(held, key=lambda slot: (slot[0], -carries[slot]))
    tried = set()

    def lay(laid) -> bool:
        if len(laid) == len(held):
            return True
        if laid in tried:
            return False
        tried.add(laid)
        mark = "BR"[len(laid) % 2]
        return any(
            lay(laid | {slot})
            for slot in order
            if held[slot] == mark and slot not in laid and under(slot) <= laid
        )

    return lay(frozenset())


def test_answers_are_equally_frequent_at_every_level():
    shares = {"slot_content": 4, "placement_outcome": 4, "slot_status": 5}
    for task, count in shares.items():
        for at in range(3):
            records = questions("pyramid_chess", task, 150)[at::3]
            counts = collections.Counter(chosen(record) for record in records)
            assert len(counts) == count
            assert max(counts.values()) < 1.5 * len(records) / count


def test_a_slot_that_does_not_exist_is_not_told_by_its_numbers():
    """All slots asked about exist in the larger of two sizes and not in the smaller."""
    for task in ("slot_content", "slot_status"):
        for record in questions("pyramid_chess", task, 60):
            state, params = state_and_params(record)
            level, x, y = params["slot"]
            size = len(state["levels"])
            missing = chosen(record) == "there is no such slot"
            assert level + max(x, y) + 1 == size + missing


def test_the_best_slot_is_the_only_one_and_the_turn_is_right():
    kinds = collections.Counter()
    for record in questions("pyramid_chess", "best_placement", 60):
        state, params = state_and_params(record)
        marks = balls(state)
        count = sum(mark != "-" for mark in marks.values())
        assert params["player"] == ("blue", "red")[count % 2]
        slot = tuple(map(int, chosen(record).strip("()").split(", ")))
        assert can_fill(marks, slot)
        kinds["None of them" in " ".join(record["steps"])] += 1
    assert min(kinds.values()) > 50


def test_numbers_are_spread_over_the_level():
    for at, level in enumerate(LEVELS):
        records = questions("pyramid_chess", "turns_to_reach", 150)[at::3]
        counts = collections.Counter(int(record["answer"]) for record in records)
        assert len(counts) >= 5 and max(counts.values()) < 2 * len(records) / len(counts)
        records = questions("pyramid_chess", "ball_count", 150)[at::3]
        low, high = rules.BALLS[level]
        assert all(low <= int(record["answer"]) <= high for record in records)


@pytest.mark.parametrize("size", [224, 448])
def test_the_panels_show_every_slot(size):
    for task in ("slot_content", "ball_count"):
        for record in questions("pyramid_chess", task, 4):
            pyramid = state_from_json(GAME, record["state"])
            image = GAME.draw(pyramid, size)
            pixels = np.asarray(image)
            _, panels, _ = picture.blank(size, len(pyramid.levels))
            for slot in rules.slots(len(pyramid.levels)):
                left, top, right, bottom = panels[slot[0]].inside(image, *slot[1:])
                cell = pixels[top : bottom + 1, left : right + 1].reshape(-1, 3)
                seen = [
                    mark for mark, paint in picture.PAINT.items() if (cell == paint).all(1).any()
                ]
                assert seen == [pyramid[slot]] if pyramid[slot] != "-" else (cell == 255).all()


def test_every_ball_is_drawn_from_the_side():
    """A ball more changes the upper part of the picture, unless others hide it wholly."""
    rng, hidden = np.random.default_rng(0), 0
    for _ in range(20):
        held = rules.balls_of(rules.new(rng, "Medium"))
        top = max(held)
        fewer = {slot: mark for slot, mark in held.items() if slot != top}
        one, other = (
            np.asarray(GAME.draw(rules.pyramid_of(some, 4), 448)) for some in (held, fewer)
        )
        hidden += (one[:190] == other[:190]).all()
    assert hidden == 0
