"""What is asked about tables of Spider."""

from synth.game import PERCEPTION, PREDICTION, STRATEGY, Solution, Task
from synth.games.spider_solitaire.rules import (
    BROKEN,
    FACE_DOWN,
    FEWER,
    LEGAL,
    UNFIT,
    VERDICTS,
    cards_text,
    name_of,
    names,
    openings,
    pile_text,
    run_of,
    verdict,
)
from synth.games.spider_solitaire.tables import (
    DEALS,
    PILES,
    ROWS,
    Change,
    first_hidden,
    lay,
    new,
)
from synth.questions import between, pick, pick_some


class DealsLeft(Task):
    name = "deals_left"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers of rows are equally likely, at every level."""
        return new(rng, level, between(rng, 0, ROWS)), {}

    def ask(self, table):
        return "How many rows are left in the stock? Answer with a number."

    def solve(self, table):
        return Solution(table.deals, [f"Blue cards in the stock, one for each row: {table.deals}."])


class TopCard(Task):
    name = "top_card"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All thirteen ranks and an empty pile are equally likely."""
        answer, pile = between(rng, 0, 13), between(rng, 1, PILES[level])
        while True:
            deals = between(rng, *DEALS[level]) if answer else between(rng, 4, 5)
            off = first_hidden(PILES[level])[pile - 1] + 1 + ROWS - deals
            changes = {} if answer else {pile: Change(off=off)}
            table = lay(rng, level, deals, changes, 2, {pile: answer} if answer else None)
            if table is not None:
                return table, {"pile": pile}

    def ask(self, table, pile):
        return (
            f"Which rank has the last card of pile {pile}? Answer with the rank as it is printed "
            "(A, 2 to 10, J, Q or K), or with the word empty."
        )

    def solve(self, table, pile):
        ranks = table.piles[pile - 1]
        steps = [
            pile_text(table, pile),
            f"Its last card is {name_of(ranks[-1])}." if ranks else "The pile has no card.",
        ]
        return Solution(name_of(ranks[-1]) if ranks else "empty", steps)


class FaceDownTotal(Task):
    name = "face_down_total"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """From none to twelve cards have been turned up, all numbers equally likely."""
        turned, backs = between(rng, 0, 12), first_hidden(PILES[level])
        while True:
            deals = between(rng, 3, 5)
            left, off = turned, {}
            for pile in pick_some(rng, range(1, len(backs) + 1), 4):
                lost = min(left, between(rng, 1, backs[pile - 1]))
                if lost:
                    off[pile] = Change(off=ROWS - deals + lost)
                left -= lost
            table = None if left else lay(rng, level, deals, off)
            if table is not None:
                return table, {}

    def ask(self, table):
        return (
            "How many cards lie face down in the piles altogether, without the stock? Answer with "
            "a number."
        )

    def solve(self, table):
        total = sum(table.hidden)
        counts = " + ".join(map(str, table.hidden))
        steps = [f"Face down in piles 1 to {len(table.hidden)}: {counts} = {total}."]
        return Solution(total, steps)


class FaceUpAfterDeals(Task):
    name = "face_up_after_deals"
    qa_type, qa_level = PREDICTION, "Easy"

    def pose(self, game, rng, level):
        """All answers from 2 to 9 are equally likely, whatever the number of clicks."""
        answer, clicks = between(rng, 2, 9), between(rng, 1, 6)
        while True:
            pile, other = pick_some(rng, range(1, PILES[level] + 1), 2)
            is_stuck = rng.random() < 0.15
            deals = between(rng, 4, 5) if is_stuck else between(rng, 0, ROWS)
            before = answer if is_stuck else answer - min(clicks, deals)
            at_first = 1 + ROWS - deals
            if not 1 <= before <= at_first + 7:
                continue
            off, on = max(0, at_first - before), max(0, before - at_first)
            changes = {pile: Change(off, on)}
            if is_stuck:
                backs = first_hidden(PILES[level])[other - 1]
                changes[other] = Change(off=backs + at_first)
            table = lay(rng, level, deals, changes, 2, dig=True)
            if table is not None:
                return table, {"clicks": clicks, "pile": pile}

    def ask(self, table, clicks, pile):
        times = "once" if clicks == 1 else f"{clicks} times"
        return (
            f"The stock is clicked {times}, with no move in between. Each click deals a row, or "
            f"does nothing if none is left or a pile is empty. How many cards of pile {pile} are "
            "face up afterwards? Answer with a number."
        )

    def solve(self, table, clicks, pile):
        before = len(table.piles[pile - 1])
        steps = [f"Face up in pile {pile}: {names(table.piles[pile - 1])}, {before} in number."]
        if () in table.piles:
            empty = table.piles.index(()) + 1
            steps.append(f"Pile {empty} is empty, so no row can be dealt: still {before}.")
            return Solution(before, steps)
        dealt = min(clicks, table.deals)
        steps.append(f"Rows left: {table.deals}; clicks: {clicks}; so {dealt} rows are dealt.")
        steps.append(f"{before} + {dealt} = {before + dealt}.")
        return Solution(before + dealt, steps)


class MoveVerdict(Task):
    name = "move_verdict"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 5

    def pose(self, game, rng, level):
        """All five verdicts are equally likely, whatever the number of cards."""
        answer, n = pick(rng, VERDICTS), between(rng, 2, 5)
        start, end = pick_some(rng, range(1, PILES[level] + 1), 2)
        while True:
            table = self.match(rng, level, answer, start, n, end)
            if table and verdict(table, start, n, end) == answer:
                return table, {"start": start, "n": n, "end": end}

    def match(self, rng, level, answer, start, n, end):
        """A table that is likely to have this verdict; None if that fails."""
        to_empty = answer == LEGAL and rng.random() < 0.15
        few = answer == FEWER or to_empty
        deals = between(rng, 4, 5) if few else between(rng, *DEALS[level])
        at_first, last, changes = 1 + ROWS - deals, {}, {}
        if answer == FEWER:
            stay = between(rng, 1, n - 1)
            change = Change(off=first_hidden(PILES[level])[start - 1] + at_first - stay)
        elif answer == FACE_DOWN:
            stay = between(rng, 1, n - 1)
            change = Change(max(0, at_first - stay), max(0, stay - at_first))
        elif answer == BROKEN:
            stay = between(rng, 1, at_first)
            change = Change(at_first - stay, between(rng, max(0, n - stay), n - 1))
        else:
            change = Change(at_first - 1, between(rng, n - 1, n))
            if to_empty:
                changes[end] = Change(off=first_hidden(PILES[level])[end - 1] + at_first)
            elif answer == LEGAL:
                last = {start: between(rng, 1, 13 - n)}
                last[end] = last[start] + n
        return lay(rng, level, deals, {**changes, start: change}, 2, last, dig=True)

    def ask(self, table, start, n, end):
        return (
            f"The last {n} cards of pile {start} are to be moved to pile {end}. What holds? If "
            f"several do, the answer is the first of these: {', '.join(VERDICTS[:-1])}."
        )

    def solve(self, table, start, n, end):
        answer, pile, onto = verdict(table, start, n, end), table.piles[start - 1], end - 1
        target = names(table.piles[onto][-1:])
        steps = [pile_text(table, start), f"Pile {end} ends in {target}."]
        count = table.hidden[start - 1] + len(pile)
        if answer == FEWER:
            steps.append(f"Pile {start} has only {count} of the {n} cards.")
        elif answer == FACE_DOWN:
            steps.append(f"Only {len(pile)} of its last {n} cards are face up.")
        elif answer == BROKEN:
            steps.append(f"{names(pile[-n:])} does not fall by one each time.")
        else:
            fit = "fits" if answer == LEGAL else "does not fit"
            where = f"onto {target}" if table.piles[onto] else "to an empty pile"
            steps.append(f"{names(pile[-n:])} is a run; {name_of(pile[-n])} {fit} {where}.")
        return Solution(answer, steps)

    def distractors(self, table, rng, answer, start, n, end):
        return [other for other in VERDICTS if other != answer]


class RevealMove(Task):
    name = "reveal_move"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 8

    NOTHING, NOT_NOW = "no card lies face down there", "no single move does"

    def pose(self, game, rng, level):
        """A move in six of eight tables; all numbers of cards and all targets equally likely."""
        pile = between(rng, 1, PILES[level])
        kind = between(rng, 0, 7)
        answer = self.NOTHING if kind == 0 else self.NOT_NOW if kind == 1 else None
        answer = answer or self.random_move(rng, level, pile)
        while True:
            table = self.match(rng, level, pile, answer)
            if table and self.answers(table, pile) == [answer]:
                return table, {"pile": pile}

    def random_move(self, rng, level, pile):
        others = [at for at in range(1, PILES[level] + 1) if at != pile]
        return between(rng, 1, 4), pick(rng, others)

    def match(self, rng, level, pile, answer):
        deals, last = between(rng, *DEALS[level]), {}
        backs = first_hidden(PILES[level])[pile - 1]
        if answer == self.NOTHING:
            deals = between(rng, 4, 5)
            change = Change(ROWS - deals + backs, between(rng, 0, 3))
        elif answer == self.NOT_NOW:
            rows = ROWS - deals
            change = Change(between(rng, max(0, rows - 2), rows + 1), between(rng, 0, 3))
        else:
            n, end = answer
            change = Change(ROWS - deals + between(rng, 0, 2), n - 1)
            last[pile] = between(rng, 1, 13 - n)
            last[end] = last[pile] + n
        return lay(rng, level, deals, {pile: change}, 2, last, dig=True)

    def answers(self, table, pile):
        if not table.hidden[pile - 1]:
            return [self.NOTHING]
        return openings(table, pile) or [self.NOT_NOW]

    def ask(self, table, pile):
        return f"Which single move turns up a card that lies face down in pile {pile}?"

    def solve(self, table, pile):
        (answer,) = self.answers(table, pile)
        steps, ranks = [pile_text(table, pile)], table.piles[pile - 1]
        if answer == self.NOTHING:
            return Solution(answer, steps)
        if run_of(ranks) != ranks:
            steps.append(f"All cards face up must go at once, but {names(ranks)} is no run.")
            return Solution(answer, steps)
        ends = ", ".join(f"{at} {names(cards[-1:])}" for at, cards in enumerate(table.piles, 1))
        steps.append(f"{names(ranks)} must go at once, onto the rank above {name_of(ranks[0])}.")
        steps.append(f"Last cards: {ends}.")
        found = "none fits" if answer == self.NOT_NOW else f"pile {answer[1]} fits"
        steps.append(f"Of the other piles {found}.")
        return Solution(answer, steps)

    def distractors(self, table, rng, answer, pile):
        moves = [(n, end) for n in range(1, 5) for end in range(1, len(table.piles) + 1)]
        moves = [move for move in moves if move[1] != pile and move != answer]
        words = [word for word in (self.NOTHING, self.NOT_NOW) if word != answer]
        return words + pick_some(rng, moves, self.n_options - 1 - len(words))

    def text(self, value):
        if isinstance(value, str):
            return value
        n, end = value
        return f"its {cards_text(n)} to pile {end}"


class BestAction(Task):
    """First the listed actions and the best one, then cards to match: nothing but the picture tells
    which one it is. Actions are ("move", n, from, to), ("deal",) and ("run", pile).
    """

    name = "best_action"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 8

    def pose(self, game, rng, level):
        """All eight actions are equally likely to be the best one."""
        actions, piles = {}, range(1, PILES[level] + 1)
        while len(actions) < 6:
            actions["move", between(rng, 1, 4), *pick_some(rng, piles, 2)] = None
        actions = (*actions, ("deal",), ("run", pick(rng, piles)))
        answer = pick(rng, actions)
        while True:
            table = self.match(rng, level, actions, answer)
            if table and self.best(table, actions) == [answer]:
                return table, {"actions": actions}

    def match(self, rng, level, actions, answer):
        """A table that is likely to have this answer; None if that fails."""
        deals, changes, last = between(rng, *DEALS[level]), {}, {}
        wanted = [answer] if answer[0] == "move" else []
        if answer[0] == "deal":
            deals = max(deals, 1)
        if answer[0] == "run":
            deals, pile = between(rng, 4, 5), answer[1]
            off = ROWS - deals + first_hidden(PILES[level])[pile - 1] - between(rng, 0, 2)
            changes[pile], last[pile] = Change(off, 12), 1
        else:  # a shorter move is legal, too
            shorter = [a for a in actions[:6] if wanted and a[1] < answer[1]]
            wanted += pick_some(rng, shorter, min(len(shorter), between(rng, 0, 1)))
        for _, n, start, end in wanted:
            changes[start] = Change(between(rng, 0, ROWS - deals), n - 1)
            if end in last:
                last[start] = last[end] - n
            else:
                last[start] = last.get(start) or between(rng, 1, 13 - n)
                last[end] = last[start] + n
            if last[start] < 1 or last[end] > 13:
                return None
        is_run = answer[0] == "run"
        return lay(rng, level, deals, changes, off if is_run else 3, last, dig=is_run)

    def best(self, table, actions):
        """The best ones of the actions, by the order that the question gives."""
        runs = [a for a in actions if a[0] == "run" and self.is_complete(table, a[1])]
        if runs:
            return runs
        moves = [a for a in actions if a[0] == "move"]
        legal = [a for a in moves if verdict(table, a[2], a[1], a[3]) == LEGAL]
        most = max((a[1] for a in legal), default=0)
        return [a for a in legal if a[1] == most] or [("deal",)]

    def is_complete(self, table, pile):
        return len(run_of(table.piles[pile - 1])) == 13

    def ask(self, table, actions):
        return (
            "Which of the listed actions is best in this order? First, taking off a run that is "
            "complete from K to A; otherwise, of the legal moves, the one of most cards; if none "
            "of the listed moves is legal, dealing a row."
        )

    def solve(self, table, actions):
        (answer,) = self.best(table, actions)
        ends = ", ".join(f"{at} {names(run_of(pile))}" for at, pile in enumerate(table.piles, 1))
        steps = [f"The runs at the ends of the piles: {ends}."]
        for action in actions:
            if action[0] == "run":
                is_so = "complete" if self.is_complete(table, action[1]) else "not complete"
                steps.insert(1, f"The run of pile {action[1]} is {is_so}.")
            elif action[0] == "move" and answer[0] != "run":
                steps.append(f"{self.text(action)}: {self.why(table, *action[1:])}.")
        return Solution(answer, steps)

    def why(self, table, n, start, end):
        pile, found = table.piles[start - 1], verdict(table, start, n, end)
        if found == LEGAL:
            return f"{names(pile[-n:])} fits, legal"
        if found == UNFIT:
            return f"{name_of(pile[-n])} does not go onto {names(table.piles[end - 1][-1:])}"
        return "no run" if found == BROKEN else "not so many face up"

    def distractors(self, table, rng, answer, actions):
        return [action for action in actions if action != answer]

    def text(self, value):
        if value[0] == "move":
            _, n, start, end = value
            return f"{cards_text(n)} of pile {start} to pile {end}"
        return "deal a row" if value[0] == "deal" else f"take off the run of pile {value[1]}"
