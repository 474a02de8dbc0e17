"""Checks of a game that a model wrote, and of its solver: both answer from locked processes.

They come in stages, CHECKS; what a stage finds is told before the next one begins, since a game
that makes no records can't be judged on what they give away. On these records nothing is looser
than in `audit`.
"""

import collections
import contextlib
import dataclasses
import importlib
import itertools
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from records.schema import answer_text
from synth import audit, blind, oracles, questions, registry
from synth.adapt import contract
from synth.adapt.altered import altered
from synth.adapt.faults import BOTH, GAME, ORACLE, Fault
from synth.engine import About, Told
from synth.game import LEVELS, params_from_json
from synth.locked import opening
from synth.locked.process import Failed, Limits
from synth.plan import Plan
from synth.records import make_question, make_record, split_of, with_position, write_answer
from synth.remade import remake

SIZE, SMALL = 448, 224  # pixels
ALTERED, EVERY = 2, 5  # states for each field, of every fifth record
LEAST_ASKED = 8  # below, other states say nothing
VISIBLE, PIXELS = 40, 16  # steps of a colour, of so many pixels: what a mark must differ by
TIMED = 3  # tries to make a record in time: the machine may be busy with something else
PATIENCE = 120.0  # seconds for a reply: a busy machine is no fault of the game's
SAMPLES_SEED = 1  # not that of the records that are judged


@dataclasses.dataclass(frozen=True)
class Settings:
    """sandbox: as --sandbox. records: of each task and level, checked in all ways; blind: of each
    task and level, for blind readers, those among them; seconds: that a record may take."""

    sandbox: str = "auto"
    records: int = 20
    blind: int = 400
    seconds: float = 1.0
    limits: Limits = dataclasses.field(default_factory=lambda: Limits(reply_seconds=PATIENCE))


@dataclasses.dataclass(frozen=True)
class Report:
    """What checks found. passed: those without a fault, in order; counts: what was looked at.

    lacks_oracle: the checks ended where a solver was needed, and there is none.
    """

    faults: list[Fault]
    passed: list[str]
    counts: dict[str, int | float]
    sandbox: str
    lacks_oracle: bool = False


@dataclasses.dataclass
class Subject:
    """A game that is being judged, and what earlier checks learnt of it."""

    name: str
    tasks: dict[str, str]  # that it must have, with their qa_type
    oracles: str  # the folder with its solver
    settings: Settings
    counts: dict = dataclasses.field(default_factory=dict)
    about: About | None = None
    records: list[dict] = dataclasses.field(default_factory=list)
    findings: list[audit.Finding] = dataclasses.field(default_factory=list)
    others: list[tuple[dict, str, str, Told]] = dataclasses.field(default_factory=list)

    @property
    def engine(self):
        return registry.engine(self.name)


def run(name: str, tasks: dict[str, str], files: dict[str, str], settings: Settings) -> Report:
    """Judges the texts of a game and, where there is one, its solver."""
    passed = []
    with _locked(name, files, settings) as (told, folder):
        subject = Subject(name, tasks, folder, settings)
        for check, find in CHECKS.items():
            if check == NEEDS_ORACLE and ORACLE not in files:
                return Report([], passed, subject.counts, told, lacks_oracle=True)
            if faults := _found(check, find, subject):
                return Report(faults, passed, subject.counts, told)
            passed.append(check)
        return Report([], passed, subject.counts, told)


def _found(check: str, find: Callable, subject: Subject) -> list[Fault]:
    try:
        return list(find(subject))
    except Failed as error:
        mend = "Mend this line: what was answered before must be answered every time."
        return [Fault(check, "", GAME, f"A question that came late failed: {error}", mend)]


def samples(
    name: str, game: str, settings: Settings, per_level: int, size: int | None
) -> tuple[About, list[dict]]:
    """Questions of a game as its records are, which are not among those that are judged.

    size: of their pictures; None: without. What the game does not make is left out; raises Failed
    where it does not even tell about itself.
    """
    with _locked(name, {GAME: game}, settings):
        about = registry.engine(name).about()
        made = []
        for task, level, index in itertools.product(about.tasks, LEVELS, range(per_level)):
            with contextlib.suppress(Failed):
                question = make_question(name, task.name, level, SAMPLES_SEED, index)
                made.append(with_position(question, size) if size else question)
        return about, made


@contextlib.contextmanager
def _locked(name: str, files: dict[str, str], settings: Settings) -> Iterator[tuple[str, str]]:
    """The texts as files in locked processes; yields what locks them in and the solver's folder."""
    with tempfile.TemporaryDirectory(prefix="synth-adapt-") as folder:
        of_game, of_oracle = Path(folder) / "games", Path(folder) / "oracles"
        for home, who in ((of_game, GAME), (of_oracle, ORACLE)):
            home.mkdir()
            if who in files:
                (home / f"{name}.py").write_text(files[who], encoding="utf-8")
        importlib.invalidate_caches()
        with registry.found_in(str(of_game)):
            solvers = oracles.files_of(str(of_oracle), [name])
            locked = opening.locked_in(settings.sandbox, [name], solvers, settings.limits)
            with locked as told:
                yield told, str(of_oracle)


# ---------------------------------------------------------------------------------- what is shown


def shown(record: dict) -> dict:
    """A record as it is told to a model."""
    parts = ("id", "state", "params", "options", "answer", "description")
    told = {part: record[part] for part in parts if record[part]}
    return {"question": record["question"].split("\n\n", 1)[-1], **told}


def unanswered(record: dict) -> dict:
    """The same without what is right."""
    kept = ("question", "state", "params", "options")
    return {part: value for part, value in shown(record).items() if part in kept}


# -------------------------------------------------------------------------------- the game alone


def check_contract(subject: Subject) -> Iterator[Fault]:
    try:
        subject.about = subject.engine.about()
    except Failed as error:
        yield Fault(
            "contract",
            "",
            GAME,
            f"The file can't be asked: {error}",
            "The file ends in GAME = Game(...) as in the example, with the plan's name; nothing "
            "but definitions runs when it is imported.",
        )
        return
    has = {task.name: task for task in subject.about.tasks}
    mend = "GAME.tasks holds one instance for each task of the plan, by the plan's names."
    for name in subject.tasks:
        if name not in has:
            yield Fault("contract", name, GAME, f"The game lacks the planned task {name}.", mend)
    for name, task in has.items():
        if name not in subject.tasks:
            yield Fault("contract", name, GAME, f"The task {name} is not asked for.", mend)
        elif task.qa_type != subject.tasks[name]:
            reason = f"The qa_type of {name} is {task.qa_type}, not {subject.tasks[name]}."
            yield Fault("contract", name, GAME, reason, "Take it from the plan.")
        elif task.n_options == 1:
            yield Fault("contract", name, GAME, f"{name} has 1 option.", "Give 2 to 8, or 0.")


def check_records(subject: Subject) -> Iterator[Fault]:
    for task, level in itertools.product(subject.about.tasks, LEVELS):
        for index in range(subject.settings.records):
            try:
                made = make_record(subject.name, task.name, level, 0, index, SIZE)
            except Failed as error:
                reason = f"Making a question of level {level} failed: {error}"
                mend = "Mend this line. States, params, answers and pictures are as in the contract"
                mend += "; a question that can't be asked is None from pose, sample or distractors."
                yield Fault("records", task.name, GAME, reason, mend)
                break
            subject.records.append(made)
    subject.counts["records"] = len(subject.records)


def check_repeats(subject: Subject) -> Iterator[Fault]:
    """Another process, with other hashes, makes the same questions in the opposite order."""
    again = registry.engine(subject.name, again=True)
    for record in reversed(subject.records):
        try:
            made = again.make(record["task"], record["plot_level"], record["seed"])
        except Failed as error:
            differs = str(error)
        else:
            answer, steps = write_answer(made.text, made.steps, made.options)
            second = {**dataclasses.asdict(made), "answer": answer, "steps": steps}
            second["question"] = f"{subject.about.rules}\n\n{made.asked}"
            parts = ("state", "params", "options", "answer", "steps", "description", "question")
            differs = next(
                (f"{p} was {record[p]}, then {second[p]}" for p in parts if record[p] != second[p]),
                None,
            )
        if differs:
            yield Fault(
                "repeats",
                record["task"],
                GAME,
                f"The same question, drawn again from the same seed in another process: {differs}",
                "Take chance only from `rng`; keep nothing between calls; never depend on the "
                "order of a set or on hash(), id() or the clock.",
                shown(record),
            )


def check_again(subject: Subject) -> Iterator[Fault]:
    """Solved, worded, read back and drawn again, as `audit` does."""
    by_split = collections.defaultdict(list)
    for record in subject.records:
        by_split[split_of(subject.name, record["state"])].append(record)
    for split, records in by_split.items():
        job = audit.Job(Path(), split, 0, len(records), SIZE, None, 0)
        subject.findings += audit.judge(records, job)
    yield from _of_findings(subject, {audit.WRONG, audit.SPLIT}, "solved again")


def check_options(subject: Subject) -> Iterator[Fault]:
    yield from _of_findings(subject, {audit.DUPLICATE, audit.AMBIGUOUS}, "options")


def check_params(subject: Subject) -> Iterator[Fault]:
    """Params are told to a solver: one that is the answer would make it agree with anything."""
    same, asked = collections.Counter(), collections.Counter()
    examples = {}
    for record in subject.records:
        right = answer_text(record)
        for key, value in params_from_json(record["params"]).items():
            asked[record["task"], key] += 1
            if questions.text(value) == right:
                same[record["task"], key] += 1
                examples[record["task"], key] = record
    for (task, key), count in same.items():
        if count >= LEAST_ASKED and 2 * count > asked[task, key]:
            reason = f"The param {key} is the answer, in {count} of {asked[task, key]} questions."
            mend = "Params hold what the question names; the answer follows from the picture."
            yield Fault("params", task, GAME, reason, mend, shown(examples[task, key]))


def _of_findings(subject: Subject, kinds: set[str], check: str) -> Iterator[Fault]:
    by_id = {record["id"]: record for record in subject.records}
    mend = f"{contract.advice('The answer follows')} {contract.advice('The description')}"
    for finding in subject.findings:
        for fault in finding.faults:
            if fault.kind in kinds:
                record = shown(by_id[finding.id])
                yield Fault(check, finding.task, GAME, f"This record {fault.reason}.", mend, record)


# ------------------------------------------------------------------------------- game and solver

BY_HAND = (
    "Take this question alone: write down from the rules, step by step, what is right (a few lines "
    "before the block). Then compare with what your code does for it, and mend the code if it "
    "differs. Where the rules leave room for two answers, say in the rules which one counts."
)


def check_oracle(subject: Subject) -> Iterator[Fault]:
    """The solver on every record."""
    oracle, agreed = oracles.find(subject.oracles, subject.name), 0
    try:
        solved = oracle.tasks()
    except Failed as error:
        mend = "The file ends in ORACLES = {task: function (state, params)}, as in the example."
        yield Fault("oracle", "", ORACLE, f"The solver can't be asked: {error}", mend)
        return
    for task in sorted(set(subject.tasks) - set(solved)):
        reason = f"ORACLES has nothing for the task {task}."
        yield Fault("oracle", task, ORACLE, reason, "Add a function for every task.")
    for record in subject.records:
        if record["task"] not in solved:
            continue
        try:
            objections = oracles.objections(oracle, record)
        except Failed as error:
            mend = "Mend this line; state and params are JSON values as they stand here."
            reason = f"Solving failed: {error}"
            yield Fault("oracle", record["task"], ORACLE, reason, mend, unanswered(record))
            continue
        agreed += not objections
        if objections:
            reason = "Two programs do not agree on what is right here."
            seen = "; ".join(reason for _, reason in objections)
            yield Fault("oracle", record["task"], BOTH, reason, BY_HAND, unanswered(record), seen)
    subject.counts["oracle agrees"] = agreed


def check_other_states(subject: Subject) -> Iterator[Fault]:
    """Both on states that the game did not choose: altered ones, and those of its other tasks.

    The rules may not allow them, and then either may answer anything: it takes more than half of a
    task's to be a fault.
    """
    oracle = oracles.find(subject.oracles, subject.name)
    subject.others = list(_other_states(subject))
    asked, disagree = collections.Counter(), collections.defaultdict(list)
    for record, _, state, told in subject.others:
        task = record["task"]
        try:
            solved = oracle.solve(task, state, record["params"])
            if solved is None:
                is_right = oracle.judge(task, state, record["params"], [told.text])[0]
            else:
                is_right = solved == told.text
        except Failed:
            continue
        asked[task] += 1
        if not is_right:
            disagree[task].append((state, record, f"'{told.text}', and the solver: '{solved}'"))
    subject.counts["other states"] = sum(asked.values())
    subject.counts["other states disagree"] = sum(map(len, disagree.values()))
    for task, some in disagree.items():
        if asked[task] >= LEAST_ASKED and 2 * len(some) > asked[task]:
            state, record, seen = some[0]
            about = f"On {len(some)} of {asked[task]} positions that the game itself did not draw"
            question = {"question": subject.engine.told(task, state, record["params"]).asked}
            yield Fault(
                "other states",
                task,
                BOTH,
                f"{about}, two programs do not agree on what is right.",
                f"{BY_HAND} A game may refuse a position that can't occur: let the state's "
                "__post_init__ raise ValueError.",
                {**question, "state": state, "params": record["params"]},
                f"the game: {seen}",
            )


def _other_states(subject: Subject) -> Iterator[tuple[dict, str, str, Told]]:
    """(record, field that differs, state, what the game tells of it with the record's params),
    where the game takes the state for one: it reads it back from its description."""
    rng = random.Random(0)
    by_kind = collections.defaultdict(list)
    for record in subject.records:
        by_kind[record["task"], record["plot_level"]].append(record)
    for (task, level), some in by_kind.items():
        others = [r for (t, at), them in by_kind.items() if t != task and at == level for r in them]
        for one, other in zip(some[::EVERY], some[1::EVERY], strict=False):
            made = [(a.field, a.state) for a in altered(one["state"], other["state"], rng, ALTERED)]
            if others:
                made.append(("", rng.choice(others)["state"]))
            for field, state in made:
                with contextlib.suppress(Failed):
                    told = subject.engine.told(task, state, one["params"])
                    if json.loads(subject.engine.parse(told.description)) == json.loads(state):
                        yield one, field, state, told


# ----------------------------------------------------------------------- what records give away


def check_pictures(subject: Subject) -> Iterator[Fault]:
    """Two states never look the same; and no part of a state is without a trace in the picture."""
    seen: dict[bytes, dict] = {}
    for record in subject.records:
        first = seen.setdefault(record["image"], record)
        if json.loads(first["state"]) != json.loads(record["state"]):
            yield _unseen(record, "Two states have the same picture", first["state"], "pictures")
    for field, (record, state, differing) in _pixels_by_field(subject, SIZE, 0).items():
        if not any(differing):
            said = f"In {len(differing)} changes of the state's {field} the picture never changes"
            yield _unseen(record, said, state, "pictures")


def check_legible(subject: Subject) -> Iterator[Fault]:
    """What differs must be seen in a small picture, too."""
    for field, (record, state, differing) in _pixels_by_field(subject, SMALL, VISIBLE).items():
        if 2 * sum(count < PIXELS for count in differing) > len(differing):
            said = f"At {SMALL} pixels a change of the state's {field} is not seen: fewer than "
            yield _unseen(record, f"{said}{PIXELS} pixels differ clearly", state, "legible")


def _unseen(record: dict, said: str, other: str, check: str) -> Fault:
    mend = (
        f"{contract.advice('The description')} Draw every part of the state, large and in strong "
        "colours; a part that does not matter does not belong in it; what has no order is sorted, "
        "and the state's __post_init__ raises ValueError where it is not."
    )
    told = {**shown(record), "another state": other}
    return Fault(check, record["task"], GAME, f"{said}.", mend, told)


def _pixels_by_field(subject: Subject, size: int, steps: int) -> dict:
    """For each field: (record, another state, how many pixels differ by more than `steps` of a
    colour in each of its changes), where there are three changes or more."""
    found = collections.defaultdict(list)
    for record, field, state, _ in subject.others:
        if field:
            with contextlib.suppress(Failed):
                one, other = (subject.engine.draw(s, size) for s in (record["state"], state))
                differ = np.abs(one.astype(int) - other).max(-1) > steps
                found[field].append((record, state, int(differ.sum())))
    kept = {field: some for field, some in found.items() if len(some) >= 3}
    return {
        field: (*min(some, key=lambda one: one[2])[:2], [n for *_, n in some])
        for field, some in kept.items()
    }


def check_blind(subject: Subject) -> Iterator[Fault]:
    for task in subject.about.tasks:
        more = [
            make_question(subject.name, task.name, level, 0, index)
            for level in LEVELS
            for index in range(subject.settings.records, subject.settings.blind)
        ]
        records = [r for r in subject.records if r["task"] == task.name] + more
        subject.counts["blind"] = subject.counts.get("blind", 0) + len(records)
        seen = [audit.for_blind(record, task.n_options) for record in records]
        scores = blind.judge(sorted(filter(None, seen), key=lambda record: record["seed"]))
        advice = "Nothing betrays" if task.n_options else "A fill-in"
        for score in scores:
            if score.exceeds:
                reason = f"Without the picture, {audit.tell(score)}."
                record = shown(records[0])
                yield Fault("blind", task.name, GAME, reason, contract.advice(advice), record)


def check_difficulty(subject: Subject) -> Iterator[Fault]:
    found = collections.defaultdict(list)
    for finding in subject.findings:
        found[finding.game, finding.task].append(finding)
    faults: list[audit.Fault] = []
    audit.difficulties(found, faults)
    mend = f"{contract.advice('Hard is')} Easy, Medium and Hard must differ in it on the average."
    for fault in faults:
        hard = next(r for r in subject.records if r["plot_level"] == LEVELS[-1])
        yield Fault(
            "difficulty", "", GAME, f"From Easy to Hard, {fault.reason}.", mend, shown(hard)
        )


def check_time(subject: Subject) -> Iterator[Fault]:
    for task in subject.tasks:
        asked = subject.name, task, Plan((subject.name,), 1, 0, SIZE)
        for _ in range(TIMED):
            seconds = remake(asked).seconds
            if seconds <= subject.settings.seconds:
                break
        else:
            reason = f"A record takes {seconds:.2f} s, more than {subject.settings.seconds:g} s."
            mend = "Draw states that carry the question at once instead of trying; search less."
            yield Fault("time", task, GAME, reason, mend)


PASSED_ALONE, NEEDS_ORACLE = "params", "oracle"  # the last check without a solver, and the next
CHECKS: dict[str, Callable[[Subject], Iterator[Fault]]] = {
    "contract": check_contract,
    "records": check_records,
    "repeats": check_repeats,
    "solved again": check_again,
    "options": check_options,
    "params": check_params,
    "oracle": check_oracle,
    "other states": check_other_states,
    "pictures": check_pictures,
    "blind": check_blind,
    "difficulty": check_difficulty,
    "legible": check_legible,
    "time": check_time,
}
