"""The questions about a pyramid."""

import functools

from synth.game import PERCEPTION, PREDICTION, STRATEGY, Solution, Task
from synth.games.pyramid_chess import rules
from synth.games.pyramid_chess.rules import COLOURS, SIZE, Pyramid, balls_of, below, pyramid_of
from synth.questions import between, listed, pick, text

# Pyramids of two sizes, so that nothing but the picture tells whether a slot exists.
SIZES = {"Easy": (3, 4), "Medium": (4, 5), "Hard": (4, 5)}
STEPS = {"Easy": (1, 5), "Medium": (1, 8), "Hard": (3, 11)}  # balls until a slot is filled


def spell(pyramid: Pyramid, level: int) -> str:
    """The rows x = 0, 1, ... of a level."""
    return " ".join(pyramid.levels[level])


def read(pyramid: Pyramid, levels) -> list[str]:
    """The first sentence of a solution: some levels as text."""
    told = "; ".join(f"level {level}: {spell(pyramid, level)}" for level in levels)
    return [f"Groups x = 0, 1, ..., in each y = 0, 1, ... (B blue, R red, - empty), {told}."]


def edge(size: int) -> list[rules.Slot]:
    """The slots that a pyramid has, and that one a size smaller has not."""
    return [slot for slot in rules.slots(size) if rules.side(slot) == size]


def name(slot) -> str:
    return text(tuple(slot))


def size_told(pyramid: Pyramid, slot) -> str:
    last = len(pyramid.levels) - slot[0] - 1
    if last < 0:
        return f"The highest level is {len(pyramid.levels) - 1}"
    return f"On level {slot[0]} x and y run from 0 to {last}"


def exists(pyramid: Pyramid, slot) -> bool:
    return rules.side(slot) <= len(pyramid.levels)


def supports_told(pyramid: Pyramid, slot) -> tuple[str, list]:
    """What a slot rests on, and those of it that are empty."""
    under = rules.supports(slot)
    lack = [other for other in under if pyramid[other] == "-"]
    if not under:
        return "It is on the ground", lack
    held = f"{listed(lack)} empty" if lack else "all filled"
    return f"It rests on {listed(under)}: {held}", lack


class Status(Task):
    """A choice between all of ANSWERS, all equally likely at every slot that is asked about."""

    ANSWERS: tuple[str, ...]

    def distractors(self, pyramid, rng, answer, **params):
        return [other for other in self.ANSWERS if other != answer]


class SlotContent(Status):
    name = "slot_content"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 4
    ANSWERS = ("a blue ball", "a red ball", "no ball", "there is no such slot")

    def pose(self, game, rng, level):
        """Below the top: whose turn is the last one is known."""
        large = SIZES[level][1]
        slot = pick(rng, [slot for slot in edge(large) if slot[0] < large - 1])
        answer = pick(rng, self.ANSWERS)
        size = SIZES[level][answer != self.ANSWERS[3]]
        draw = rules.empty if answer in self.ANSWERS[2:] else rules.filled
        while True:
            balls = draw(rng, level, size, slot)
            if balls is not None:
                pyramid = pyramid_of(balls, size)
                if self.solve(pyramid, slot).answer == answer:
                    return pyramid, {"slot": slot}

    def ask(self, pyramid, slot):
        return f"What does slot {name(slot)} hold?"

    def solve(self, pyramid, slot):
        told = size_told(pyramid, slot)
        if not exists(pyramid, slot):
            return Solution(self.ANSWERS[3], [f"{told}, so there is no {name(slot)}."])
        level, x, y = slot
        mark = pyramid[slot]
        steps = [
            f"{told}.",
            *read(pyramid, [level]),
            f"Group x = {x} is {pyramid.levels[level][x]}, at y = {y} it has {mark}.",
        ]
        return Solution(self.ANSWERS["BR-".index(mark)], steps)


class PlacementOutcome(Status):
    name = "placement_outcome"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4
    ANSWERS = (
        "it is placed and completes no block",
        "it is placed and completes a block",
        "it cannot be placed: the slot is filled",
        "it cannot be placed: a support is missing",
    )

    def pose(self, game, rng, level):
        """Above the ground and below the top, where all four answers are possible."""
        size = SIZE[level]
        slot = pick(rng, [slot for slot in rules.slots(size) if 0 < slot[0] < min(size - 1, 3)])
        colour, answer = pick(rng, "BR"), pick(rng, self.ANSWERS)
        threatened = functools.partial(rules.threatened, colour=colour)
        draws = rules.ready, threatened, rules.filled, rules.empty
        while True:
            balls = draws[self.ANSWERS.index(answer)](rng, level, size, slot)
            if balls is not None:
                pyramid = pyramid_of(balls, size)
                if self.outcome(pyramid, slot, colour) == answer:
                    return pyramid, {"slot": slot, "colour": COLOURS[colour]}

    def outcome(self, pyramid, slot, colour) -> str:
        balls = balls_of(pyramid)
        if slot in balls:
            return self.ANSWERS[2]
        if not rules.is_playable(balls, slot):
            return self.ANSWERS[3]
        done = rules.completed(balls, slot, colour, len(pyramid.levels))
        return self.ANSWERS[1 if done else 0]

    def ask(self, pyramid, slot, colour):
        return f"Somebody tries to place a {colour} ball at slot {name(slot)}. What happens?"

    def solve(self, pyramid, slot, colour):
        mark = colour[0].upper()
        answer = self.outcome(pyramid, slot, mark)
        levels = [level for level in (slot[0] - 1, slot[0]) if level >= 0]
        steps = read(pyramid, levels)
        if pyramid[slot] != "-":
            steps.append(f"{name(slot)} holds a {COLOURS[pyramid[slot]]} ball.")
            return Solution(answer, steps)
        told, lack = supports_told(pyramid, slot)
        steps.append(f"{name(slot)} is empty. {told}.")
        if not lack:
            for others in rules.blocks(slot, len(pyramid.levels)):
                marks = "".join(pyramid[other] for other in others)
                verdict = "a block" if marks == 3 * mark else "no block"
                steps.append(f"With {listed(others)} ({marks}) a {colour} ball makes {verdict}.")
        return Solution(answer, steps)


class TurnsToReach(Task):
    name = "turns_to_reach"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """All numbers of the level are equally likely, at every slot that is asked about."""
        size = SIZE[level]
        count = between(rng, *STEPS[level])
        slot = pick(rng, [slot for slot in rules.slots(size) if slot[0] >= size // 2])
        balls = {}
        cone = below(slot)
        outside = [other for other in rules.slots(size) if other not in cone]
        rules.place(rng, balls, size, rules.some(rng, level), outside)
        rules.place(rng, balls, size, len(cone) - count, cone)
        rules.place(rng, balls, size, rules.some(rng, level), outside)
        return pyramid_of(balls, size), {"slot": slot}

    def ask(self, pyramid, slot):
        return (
            f"Slot {name(slot)} is empty. How many balls must be placed at least, by both players "
            "together, until it holds one? Count that one, too; no ball is taken back. Write a "
            "number."
        )

    def solve(self, pyramid, slot):
        steps, lacks = read(pyramid, range(slot[0] + 1)), []
        for level in range(slot[0], -1, -1):
            under = [other for other in below(slot) if other[0] == level]
            lack = [other for other in under if pyramid[other] == "-"]
            what = "The slot itself" if level == slot[0] else f"Below it on level {level}"
            steps.append(f"{what}, empty: {listed(lack) or 'none'}.")
            lacks.append(len(lack))
        total = sum(lacks)
        steps.append(f"Together {' + '.join(map(str, lacks))} = {total}.")
        return Solution(total, steps)


class BestPlacement(Task):
    name = "best_placement"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """All slots are equally likely; half the time the block is one of the other colour."""
        size = SIZE[level]
        slot = pick(rng, [slot for slot in rules.slots(size) if slot[0] < min(size - 1, 3)])
        while True:
            balls = rules.threatened(rng, level, size, slot, pick(rng, "BR"))
            if balls is not None:
                pyramid = pyramid_of(balls, size)
                player = COLOURS[rules.to_move(balls)]
                if self.slots(pyramid, player) == [slot]:
                    return pyramid, {"player": player}

    def slots(self, pyramid, player):
        """Where the player completes a block; if nowhere, where the other one could."""
        balls, size = balls_of(pyramid), len(pyramid.levels)
        mine, other = ("B", "R") if player == "blue" else ("R", "B")
        own = rules.completions(balls, mine, size)
        return own or rules.completions(balls, other, size)

    def ask(self, pyramid, player):
        return (
            f"It is the turn of {player}. If there is a slot where it can complete a block of its "
            "colour, it places its ball there; otherwise it fills the slot where the other player "
            "could complete one if it had the turn. Which slot is that? Write it as (level, x, y)."
        )

    def solve(self, pyramid, player):
        found = self.slots(pyramid, player)
        if len(found) != 1:
            raise ValueError("not just one slot is best")
        (slot,) = found
        balls, size = balls_of(pyramid), len(pyramid.levels)
        other = "red" if player == "blue" else "blue"
        free = [s for s in rules.slots(size) if rules.is_playable(balls, s)]
        top = max(level for level, *_ in (*free, *balls))
        steps = [*read(pyramid, range(top + 1)), f"Slots that can be filled: {listed(free)}."]
        own = rules.completed(balls, slot, player[0].upper(), size)
        if own:
            steps.append(
                f"{player.capitalize()} has {listed(own)}: {name(slot)} completes a block."
            )
            steps.append(f"No other slot does, so {player} plays {name(slot)}.")
        else:
            three = rules.completed(balls, slot, other[0].upper(), size)
            steps.append(f"None of them completes a block of {player}.")
            steps.append(f"{other.capitalize()} has {listed(three)} and could use {name(slot)}.")
            steps.append(f"It could use no other slot, so {player} plays {name(slot)}.")
        return Solution(slot, steps)


class BallCount(Task):
    name = "ball_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def ask(self, pyramid):
        return "How many balls does the pyramid have? Write a number."

    def solve(self, pyramid):
        counts = [
            sum(mark != "-" for group in groups for mark in group) for groups in pyramid.levels
        ]
        top = max((level for level, count in enumerate(counts) if count), default=0)
        steps = read(pyramid, range(top + 1))
        total = sum(counts)
        steps.append(f"Balls by level: {' + '.join(map(str, counts[: top + 1]))} = {total}.")
        return Solution(total, steps)


class SlotStatus(Status):
    name = "slot_status"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 5
    ANSWERS = (
        "there is no such slot",
        "it holds a ball on which another one rests",
        "it holds a ball on which none rests",
        "it is empty and cannot be filled now",
        "it is empty and can be filled now",
    )

    def pose(self, game, rng, level):
        """Above the ground and below the top, where all five answers are possible."""
        small, large = SIZES[level]
        slot = pick(rng, [slot for slot in edge(large) if 0 < slot[0] < large - 1])
        answer = pick(rng, self.ANSWERS)
        size = small if answer == self.ANSWERS[0] else large
        while True:
            if answer == self.ANSWERS[1]:
                balls = rules.filled(rng, level, size, pick(rng, rules.covers(slot, size)))
            elif answer == self.ANSWERS[2]:
                bare = [s for s in rules.slots(size) if slot not in rules.supports(s)]
                balls = rules.filled(rng, level, size, slot, bare)
            else:
                draw = rules.ready if answer == self.ANSWERS[4] else rules.empty
                balls = draw(rng, level, size, slot)
            if balls is not None:
                pyramid = pyramid_of(balls, size)
                if self.status(pyramid, slot) == answer:
                    return pyramid, {"slot": slot}

    def status(self, pyramid, slot) -> str:
        if not exists(pyramid, slot):
            return self.ANSWERS[0]
        balls = balls_of(pyramid)
        if slot in balls:
            over = any(o in balls for o in rules.covers(tuple(slot), len(pyramid.levels)))
            return self.ANSWERS[1 if over else 2]
        return self.ANSWERS[4 if rules.is_playable(balls, slot) else 3]

    def ask(self, pyramid, slot):
        return f"What is true of slot {name(slot)}?"

    def solve(self, pyramid, slot):
        answer, told = self.status(pyramid, slot), size_told(pyramid, slot)
        if answer == self.ANSWERS[0]:
            return Solution(answer, [f"{told}, so there is no {name(slot)}."])
        level, size = slot[0], len(pyramid.levels)
        near = [at for at in (level - 1, level, level + 1) if 0 <= at < size]
        steps = [f"{told}.", *read(pyramid, near)]
        if pyramid[slot] == "-":
            steps.append(f"{name(slot)} is empty. {supports_told(pyramid, slot)[0]}.")
        else:
            over = rules.covers(slot, size)
            balls = [other for other in over if pyramid[other] != "-"]
            held = f"filled {listed(balls)}" if balls else "none filled"
            steps.append(f"{name(slot)} holds a {COLOURS[pyramid[slot]]} ball.")
            steps.append(f"On it rest {listed(over) or 'no slots'}: {held}.")
        return Solution(answer, steps)
