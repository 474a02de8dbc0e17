"""The questions on zuma."""

import collections
import dataclasses

import numpy as np

from synth.game import PERCEPTION, PREDICTION, STRATEGY, Solution, Task
from synth.games.zuma.rules import (
    COLOURS,
    RADIUS,
    SECTORS,
    Zuma,
    lay,
    lies,
    random_colours,
    runs,
    shots,
    touching_run,
)
from synth.questions import between, pick, pick_some

OF_COLOUR = {"Easy": (2, 10), "Medium": (5, 20), "Hard": (10, 32)}  # marbles, least and most
GROUPS = {"Easy": (0, 3), "Medium": (0, 4), "Hard": (1, 6)}
OUTCOMES = (0, 2, 3, 4, 5)  # marbles that a shot removes
BEST = ((0, 0), *((most, groups) for most in (2, 3, 4) for groups in (1, 2, 3)))
DEGREES = np.arange(-179, 181)
SURE = 3  # degrees by which the line may be off without another marble being hit
SURE_SIDE = 2  # ... or the shot being put on its other side
SLACK = 12  # how far a marble that decides lies from a dashed line, at least
NEAR = 1.8 * RADIUS  # if the marbles looked a little smaller
WIDE = 5  # degrees in which a gap must be hit to be easily hit


def new(rng, level: str) -> Zuma:
    board = lay(rng, level)
    angle, _ = aim(rng, board, SURE)
    colours = random_colours(rng, len(board.marbles))
    return dataclasses.replace(board, colours=tuple(colours), angle=angle, shot=pick(rng, COLOURS))


def aim(rng, board: Zuma, off: int, sides: bool = False) -> tuple[int, int]:
    """An angle of the line, and the marble or (sides) the gap it leads to.

    The same is hit if the line is off by so many degrees to either side.
    """
    while True:
        angle = between(rng, -179, 180)
        found = shots(board, [angle - off, angle, angle + off])[sides].tolist()
        if found[0] == found[1] == found[2] >= 0:
            return angle, found[1]


def spell(colours) -> str:
    """The marbles in runs, as in "R2 Y1"."""
    return " ".join(f"{colour[0].upper()}{number}" for colour, _, number in runs(colours))


def row(board: Zuma) -> str:
    return f"The marbles from the outer end, with the length of each run: {spell(board.colours)}."


def nth(marble: int) -> str:
    return f"marble {marble + 1} from the outer end"


class NextColour(Task):
    name = "next_colour"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 4

    def ask(self, board):
        return "Which colour has the marble that the frog holds?"

    def solve(self, board):
        letter = board.shot[0].upper()
        return Solution(board.shot, [f"The marble in the frog has the letter {letter}."])

    def distractors(self, board, rng, answer):
        return [colour for colour in COLOURS if colour != answer]


class ColourCount(Task):
    name = "colour_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers are equally likely."""
        board, colour = new(rng, level), pick(rng, COLOURS)
        others = [other for other in COLOURS if other != colour]
        colours = random_colours(rng, len(board.marbles), others)
        for marble in pick_some(rng, range(len(colours)), between(rng, *OF_COLOUR[level])):
            colours[marble] = colour
        return dataclasses.replace(board, colours=tuple(colours)), {"colour": colour}

    def ask(self, board, colour):
        return (
            f"How many {colour} marbles are on the track? The frog's marble does not count. Answer "
            "with a number."
        )

    def solve(self, board, colour):
        numbers = [number for other, _, number in runs(board.colours) if other == colour]
        total = sum(numbers)
        said = f"{colour.capitalize()}: {' + '.join(map(str, numbers)) or 'none'} = {total}."
        return Solution(total, [row(board), said])


class GroupsInSector(Task):
    name = "groups_in_sector"
    qa_type, qa_level = PERCEPTION, "Medium"

    def pose(self, game, rng, level):
        """All numbers are equally likely, and no marble that decides lies on a dashed line."""
        wanted, direction = between(rng, *GROUPS[level]), pick(rng, SECTORS)
        while True:
            board = new(rng, level)
            wide, narrow = (lies(board, direction, slack) for slack in (SLACK, -SLACK))
            for _ in range(20):
                colours = random_colours(rng, len(board.marbles))
                if self.count(colours, wide) == wanted == self.count(colours, narrow):
                    board = dataclasses.replace(board, colours=tuple(colours))
                    return board, {"direction": direction}

    def inside(self, colours, lies_there):
        """The runs with a marble that lies there: (colour, number)."""
        return [
            (colour, number)
            for colour, first, number in runs(colours)
            if any(lies_there[first : first + number])
        ]

    def count(self, colours, lies_there):
        return sum(number >= 2 for _, number in self.inside(colours, lies_there))

    def ask(self, board, direction):
        return (
            "A group is a run of at least 2 marbles of one colour side by side on the track, as "
            f"long as it can be. How many groups have a marble whose centre lies {direction} of "
            "the frog, between the two dashed lines there? Answer with a number."
        )

    def solve(self, board, direction):
        there = lies(board, direction)
        found = self.inside(board.colours, there)
        spelt = ", ".join(f"{colour[0].upper()}{number}" for colour, number in found) or "none"
        count = self.count(board.colours, there)
        return Solution(
            count,
            [
                f"Runs with a marble {direction} of the frog, from the outer end of the track, "
                f"each with its whole length: {spelt}.",
                f"Of at least 2 marbles: {count}.",
            ],
        )


class HitColour(Task):
    """Four options: "none" could not be right where the track has several turns."""

    name = "hit_colour"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 4

    def pose(self, game, rng, level):
        """All colours are equally likely, and a line a little off hits the same marble."""
        board = new(rng, level)
        hits, _ = shots(board, [board.angle])
        colours = list(board.colours)
        colours[hits[0]] = pick(rng, COLOURS)
        return dataclasses.replace(board, colours=tuple(colours)), {}

    def ask(self, board):
        return "Which colour has the marble that the shot touches first?"

    def solve(self, board):
        (hit,), _ = shots(board, [board.angle])
        if hit < 0:
            return Solution("none", ["The shot touches no marble."])
        colour = board.colours[hit]
        near = board.colours[max(hit - 1, 0) : hit + 2]
        said = [
            f"The line comes to the track at {nth(hit)}, where the marbles are {', '.join(near)}.",
            f"The first that the shot touches is {colour}.",
        ]
        return Solution(colour, said)

    def distractors(self, board, rng, answer):
        return [colour for colour in COLOURS if colour != answer]


class ShotOutcome(Task):
    name = "shot_outcome"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """All outcomes are equally likely; a line a little off leads to the same gap."""
        wanted = pick(rng, OUTCOMES)
        length = wanted or between(rng, 0, 1)  # of the run beside the gap
        board, shot = lay(rng, level), pick(rng, COLOURS)
        while True:
            angle, gap = aim(rng, board, SURE_SIDE, sides=True)
            first = gap - between(rng, 0, length)
            if first >= 0 and first + length <= len(board.marbles):
                break
        colours = random_colours(rng, len(board.marbles))
        colours[first : first + length] = [shot] * length
        others = [colour for colour in COLOURS if colour != shot]
        for marble in (first - 1, first + length):
            if 0 <= marble < len(colours) and colours[marble] == shot:
                colours[marble] = pick(rng, others)
        board = dataclasses.replace(board, colours=tuple(colours), angle=angle, shot=shot)
        return board, {}

    def ask(self, board):
        return (
            "What happens to the shot? Answer 'stays', or 'removes N' where N is the number of "
            "marbles removed from the track, not counting the shot itself, or 'leaves' if it "
            "touches no marble."
        )

    def solve(self, board):
        (hit,), (gap,) = shots(board, [board.angle])
        if hit < 0:
            return Solution(("left", 0), ["The shot touches no marble."])
        _, number = touching_run(board, gap)
        side = "inner" if gap > hit else "outer"
        around = board.colours[max(gap - 5, 0) : gap], board.colours[gap : gap + 5]
        before, after = (spell(some) or "nothing" for some in around)
        removes = number >= 2
        said = [
            f"The shot is {board.shot}; it touches {nth(int(hit))}, a {board.colours[hit]} one, on "
            f"the side of the track's {side} end.",
            f"Before the gap, towards the outer end, up to five marbles are {before}; behind it "
            f"{after}.",
            f"The {board.shot} marbles next to the shot are {number}"
            f"{', so they are removed' if removes else ', fewer than 2, so it stays'}.",
        ]
        return Solution(("removed", number) if removes else ("stayed", 0), said)

    def text(self, value):
        kind, number = value
        return {"left": "leaves", "stayed": "stays", "removed": f"removes {number}"}[kind]


class BestShot(Task):
    name = "best_shot"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """All answers are equally likely; each group is easily hit or well hidden."""
        most, groups = pick(rng, BEST)
        while True:
            board = new(rng, level)
            easy, possible = self.reach(board)
            colours = self.colours(rng, board, most, groups, easy, possible)
            if colours:
                return dataclasses.replace(board, colours=tuple(colours)), {}

    def reach(self, board):
        """The gaps that are easily hit, and those that might be."""
        gaps, others = (shots(board, DEGREES, reach)[1].tolist() for reach in (2 * RADIUS, NEAR))
        counts = collections.Counter(gaps)
        return {gap for gap in counts if counts[gap] >= WIDE}, {*gaps, *others}

    def colours(self, rng, board, most, groups, easy, possible):
        """Groups that can be hit, the largest of them `most` long, and some hidden ones."""
        others = [colour for colour in COLOURS if colour != board.shot]
        colours = random_colours(rng, len(board.marbles), others)
        sizes = [(most, True)] * groups + [(between(rng, 2, 5), False)] * between(rng, 0, 3)
        if most > 2:
            sizes += [(between(rng, 2, most - 1), True)] * between(rng, 0, 1)
        sizes += [(1, None)] * between(rng, 1, 3)
        for size, is_hit in sizes:
            firsts = [
                first
                for first in range(len(colours) - size + 1)
                if self.fits(first, size, is_hit, easy, possible)
                and board.shot not in colours[max(first - 1, 0) : first + size + 1]
            ]
            if firsts:
                first = pick(rng, firsts)
                colours[first : first + size] = [board.shot] * size
            elif is_hit:
                return None
        return colours

    def fits(self, first, size, is_hit, easy, possible):
        gaps = range(first, first + size + 1)
        if is_hit is None:
            return True
        if is_hit:
            return any(gap in easy for gap in gaps)
        return not any(gap in possible for gap in gaps)

    def ask(self, board):
        return (
            "Suppose that the frog can turn and shoot its marble in any direction. Can it remove "
            "marbles, how many marbles of the track at most, and how many different runs of that "
            "length can it remove? Answer as in 'yes, 3, 1', or 'no, 0, 0'."
        )

    def solve(self, board):
        _, gaps = shots(board, DEGREES)
        groups = [
            (first, number)
            for colour, first, number in runs(board.colours)
            if colour == board.shot and number >= 2
        ]
        hit = set(gaps.tolist())
        sizes, told = [], []
        for first, number in groups:
            is_hit = any(gap in hit for gap in range(first, first + number + 1))
            sizes += [number] if is_hit else []
            what = "can be hit" if is_hit else "is hidden behind others"
            told.append(f"marbles {first + 1} to {first + number} ({number}): {what}")
        most = max(sizes, default=0)
        ways = sizes.count(most) if most else 0
        said = [
            f"The shot is {board.shot}.",
            row(board),
            f"Runs of at least 2 {board.shot} marbles, counted from the outer end: "
            f"{'; '.join(told) or 'none'}.",
            f"The longest that can be hit has {most} marbles, and there are {ways} of that length."
            if most
            else "None can be hit.",
        ]
        return Solution(("yes" if most else "no", most, ways), said)

    def text(self, value):
        return ", ".join(map(str, value))
