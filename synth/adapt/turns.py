"""The turns: a plan, a game, a solver by somebody who does not see it, and what checks say."""

import collections
import contextlib
import dataclasses
import functools
import hashlib
from collections.abc import Callable

from endpoint import Endpoint, user
from synth.adapt import checks, gate, plan, prompts, replies
from synth.adapt.faults import GAME, ORACLE, PLAN, Fault, counted, for_author
from synth.adapt.reading import Source
from synth.adapt.replies import BadReply
from synth.adapt.store import Turn, Turns
from synth.engine import About
from synth.locked.process import Failed

PLANS = 3  # replies in which a plan must come
STUCK = 3  # checks in a row that find the same fault
ATTEMPTS = 2  # the second begins again from the plan
PASSED, TURNS_ENDED, GIVEN_UP = "passed", "turns ended", "given up"
FAILURES = {
    "refused": ("The reply is a refusal.", "Reply with what is asked for."),
    "empty": ("The reply is empty.", "Reply with what is asked for."),
    "cut": ("The reply was cut: it is too long.", "Write less, and nothing before the block."),
    "bad reply": ("The server sent no reply that can be read.", "Reply with what is asked for."),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """turns: replies with a file at most. min_tasks: so many must stay."""

    turns: int
    min_tasks: int
    checks: checks.Settings


class Work:
    """One source on its way to a game."""

    def __init__(
        self,
        source: Source,
        turns: Turns,
        endpoints: dict[str, Endpoint],
        settings: Settings,
        say: Callable[[str], None],
    ):
        self._source, self.turns, self._endpoints = source, turns, endpoints
        self._settings, self._say = settings, say
        self.plan: dict | None = None
        self.files: dict[str, str] = {}  # the last ones
        self.best: tuple[tuple, Turn, dict[str, str]] | None = None
        self.dropped: dict[str, str] = {}  # tasks, and why
        self._solvable = ""  # the last game that a solver could be asked for

    @property
    def tasks(self) -> dict[str, str]:
        """Those that the game must have, with their qa_type."""
        planned = {task["name"]: task["qa_type"] for task in self.plan["tasks"]}
        return {name: kind for name, kind in planned.items() if name not in self.dropped}

    # ------------------------------------------------------------------------------------ a plan

    def make_plan(self) -> bool:
        """Whether a plan came that can be used; it is then `plan`."""
        first = prompts.for_plan(self._source, self._settings.min_tasks)
        faults: list[Fault] = []
        for _ in range(PLANS):
            messages = functools.partial(_messages, first, self._last(PLAN), faults, PLAN)
            turn = self._ask(PLAN, messages)
            try:
                _check_failure(turn)
                self.plan = plan.plan_in(turn.text, self._settings.min_tasks)
                faults = []
            except BadReply as error:
                faults = [error.fault]
            self._keep(turn, faults)
            if self.plan:
                return True
        return False

    # ------------------------------------------------------------------------- a game and a solver

    def make_game(self) -> str:
        """PASSED, or why not."""
        failed: list[Fault] = []
        for attempt in range(1, ATTEMPTS + 1):
            outcome, failed = Attempt(self, failed).run()
            if outcome != GIVEN_UP:
                return outcome
            if attempt < ATTEMPTS:
                self._say("no way on from here: the game is begun anew from the plan")
        return GIVEN_UP

    def first(self, who: str, failed: list[Fault]) -> str:
        """What the author of a game or a solver is asked first."""
        wanted = [task for task in self.plan["tasks"] if task["name"] in self.tasks]
        planned = self.plan | {"tasks": wanted}
        if who == GAME:
            return prompts.for_game(self._source, planned, failed)
        return prompts.for_oracle(planned, *self._samples())

    def _samples(self) -> tuple[About, list[dict]]:
        """Of the game as it is now, whose rules may have become clearer; or of the last one that a
        solver could be asked for."""
        about, records = None, []
        for game in (self.files[GAME], self._solvable):
            with contextlib.suppress(Failed):
                about, records = checks.samples(
                    self.plan["name"], game, self._settings.checks, prompts.ANSWERS, None
                )
            if self.tasks.keys() <= {record["task"] for record in records}:
                break
        return about, records

    def turns_left(self) -> int:
        return self._settings.turns - sum(turn.who != PLAN for turn in self.turns.all)

    def may_drop(self, tasks: set[str]) -> bool:
        return "" not in tasks and len(self.tasks) - len(tasks) >= self._settings.min_tasks

    def drop(self, faults: list[Fault]) -> list[Fault]:
        """Drops the tasks of these faults; what the game's author is told of that."""
        found = []
        for fault in faults:
            if fault.task not in self.dropped:
                self.dropped[fault.task] = f"{fault.check}: {fault.reason}"
                self._say(f"TASK DROPPED: {fault.task}, {fault.check}: {fault.reason}")
                reason = f"The task {fault.task} could not be mended."
                mend = "Leave this task out of the file, and change nothing else."
                found.append(Fault("dropped", fault.task, GAME, reason, mend))
        return found

    def ask(self, who: str, failed: list[Fault], faults: list[Fault]) -> tuple[Turn, str | None]:
        """A turn, and its file where there is one that can be run; else it has faults."""
        file = self.files.get(who)
        last = prompts.back(file, True) if file else self._last(who)
        turn = self._ask(who, lambda: _messages(self.first(who, failed), last, faults, who))
        try:
            _check_failure(turn)
            text = replies.code(turn.text, who, self.plan["name"])
        except BadReply as error:
            self._keep(turn, [error.fault])
            return turn, None
        self.files[who] = text
        turn.keep_files(self.plan["name"], self.files)
        if found := gate.look(text, who):
            self._keep(turn, found)
            return turn, None
        return turn, text

    def check(self, turn: Turn) -> checks.Report:
        """Of the files as they are now; kept with the turn."""
        if turn.report is None:
            settings = self._settings.checks
            report = checks.run(self.plan["name"], self.tasks, self.files, settings)
            self._keep(turn, report.faults, report)
        else:
            self._keep(turn, turn.faults, turn.report)
        report = turn.report
        if checks.PASSED_ALONE in report.passed:
            self._solvable = self.files[GAME]
        rank = (len(report.passed), -len({fault.kind for fault in report.faults}))
        if self.best is None or rank >= self.best[0]:
            self.best = rank, turn, dict(self.files)
        return report

    def unchecked(self, turn: Turn) -> None:
        """A file that is looked at with the other author's, who is asked next."""
        self._keep(turn, [])

    def _ask(self, who: str, messages: Callable[[], list[dict]]) -> Turn:
        return self.turns.ask(who, self._endpoints[who], messages)

    def _last(self, who: str) -> str:
        """What this author said last, where that is no file."""
        said = [turn.text for turn in self.turns.all if turn.who == who]
        return prompts.back(said[-1], False) if said else ""

    def _keep(self, turn: Turn, faults: list[Fault], report: checks.Report | None = None) -> None:
        if turn.faults is None:
            turn.keep_faults(faults, report)
        passed = f"passed {', '.join(report.passed) or 'nothing'}; " if report else ""
        found = f"faults: {counted(turn.faults)}" if turn.faults else "no faults"
        self._say(f"turn {turn.number}, {turn.who}: {passed}{found}")


class Attempt:
    """From the plan to a game that passes, or to where there is no way on."""

    def __init__(self, work: Work, failed: list[Fault]):
        self._work, self._failed = work, failed
        work.files = {}
        self._seen: set[bytes] = set()  # versions that were looked at
        self._kinds: collections.deque = collections.deque(maxlen=STUCK)
        self._told: dict[str, list[Fault]] = {GAME: [], ORACLE: []}

    def run(self) -> tuple[str, list[Fault]]:
        """The outcome, and what the last check found."""
        ahead, faults = [GAME], []
        while True:
            if self._work.turns_left() < 1:
                return TURNS_ENDED, faults
            who = ahead.pop(0)
            turn, text = self._work.ask(who, self._failed, self._told[who])
            if text is not None and ahead:  # looked at with the other author's, who is asked next
                self._work.unchecked(turn)
                continue
            if text is not None:
                report = self._work.check(turn)
                if report.lacks_oracle:
                    ahead = [ORACLE]
                    continue
                if not report.faults:
                    return PASSED, []
            faults = turn.faults
            if stuck := self._stuck(turn):
                if not self._work.may_drop({fault.task for fault in stuck}):
                    return GIVEN_UP, faults
                faults = self._work.drop(stuck)
                self._kinds.clear()
            ahead = self._tell(faults, ahead)

    def _tell(self, faults: list[Fault], ahead: list[str]) -> list[str]:
        """Who is asked next, with these faults and what was to be said before."""
        for who in (GAME, ORACLE):
            new = for_author(faults, who)
            if new and new[0].check == replies.CHECK:
                self._told[who] = [*new, *self._told[who]]  # the file is as it was
            elif new or who not in ahead:
                self._told[who] = new
        return [who for who in (GAME, ORACLE) if self._told[who]]

    def _stuck(self, turn: Turn) -> list[Fault]:
        """The faults that there is no way on from: all where nothing has changed, those of one
        kind that came so many times in a row."""
        looked_at = sorted(self._work.files.items()) if turn.report else turn.text
        version = hashlib.sha256(repr(looked_at).encode()).digest()
        if version in self._seen:
            return turn.faults
        self._seen.add(version)
        self._kinds.append({fault.kind for fault in turn.faults})
        if len(self._kinds) < STUCK:
            return []
        again = set.intersection(*self._kinds)
        return [fault for fault in turn.faults if fault.kind in again]


def _check_failure(turn: Turn) -> None:
    """Raises BadReply for a reply that is none, or is cut: that is never run."""
    if turn.failure:
        reason, mend = FAILURES[turn.failure]
        raise replies.bad(turn.who, reason, mend)


def _messages(first: str, last: str, faults: list[Fault], who: str) -> list[dict]:
    """A first request; after a reply with faults, that request, the reply, and they."""
    if not faults:
        return [user(first)]
    mend = user(prompts.for_mending(who, faults))
    return [user(first), {"role": "assistant", "content": last or "(nothing)"}, mend]
