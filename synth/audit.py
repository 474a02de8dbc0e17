"""Checks a data set: every record again from its state, every task for what it gives away.

What is checked, and when it fails, is told by `python -m synth audit --help`.
"""

import collections
import contextlib
import dataclasses
import functools
import hashlib
import json
import math
import multiprocessing
import random
import re
import statistics
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from string import ascii_uppercase as LETTERS

from tqdm import tqdm

from records.errors import UserError
from records.reading import Split, dataset_directory, open_splits
from records.schema import answer_text, task_name
from synth import blind, dataset, oracles, registry
from synth.engine import About, Told
from synth.facts import facts_in, wrong_sum
from synth.game import LEVELS
from synth.oracles import AMBIGUOUS, ORACLE
from synth.records import draw_png, in_words, split_of, with_words, write_answer
from synth.remade import remake

CHUNK = 64  # records a worker examines in one go
BLIND_RECORDS = 6000  # of each task; more would not tell more
WRONG, DUPLICATE, STEPS, SHARED, ALIKE, SPLIT, BLIND, DIFFICULTY = (
    "wrong",
    "duplicate options",
    "steps",
    "shared",
    "alike",
    "split",
    "blind",
    "difficulty",
)


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing wrong. where: a record's id, game/task, or the game."""

    kind: str
    where: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Job:
    """Records first..end-1 of a split, for one worker.

    oracles: package of the independent solvers, or None; of each task and level they judge the
    records with an index below `sample`, and all of those where several values could be right.
    """

    folder: Path
    split: str
    first: int
    end: int
    size: int | None
    oracles: str | None
    sample: int


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one record gave. state, picture: digests; level: its plot level."""

    id: str
    game: str
    task: str
    level: str
    split: str
    state: bytes
    picture: bytes
    faults: list[Fault]
    steps: int
    words: int  # in the steps
    difficulty: float | None  # None: the state could not be read
    oracle: bool | None  # whether it agreed; None: not asked
    seen_blind: dict | None  # the record for `blind.judge`; None: not fit for it, or not needed


# ------------------------------------------------------------------------------- a single record


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a game says of a record. picture: PNG, or None where words are in place of it."""

    about: About
    told: Told
    picture: bytes | None


def examine(job: Job) -> list[Finding]:
    source = _splits(job.folder)[job.split]
    return judge([source[at] for at in range(job.first, job.end)], job)


@functools.cache
def _splits(folder: Path) -> dict[str, Split]:
    return open_splits(folder)


def judge(records: list[dict], job: Job) -> list[Finding]:
    """Every game is asked twice, the second time in an order that nobody knows."""
    first = [_attempt(_answers, record, job.size) for record in records]
    second = [None] * len(records)
    for at in random.SystemRandom().sample(range(len(records)), len(records)):
        second[at] = _attempt(_read_back, records[at])
    answers = zip(records, first, second, strict=True)
    return [_examine(record, *both, job) for record, *both in answers]


def _attempt(ask: Callable, *arguments):
    """What was answered, or the exception: whatever a record can break."""
    try:
        return ask(*arguments)
    except Exception as error:
        return error


def _answers(record: dict, size: int | None) -> Answers:
    engine = registry.engine(record["game"])
    told = engine.told(record["task"], record["state"], record["params"])
    picture = draw_png(record["game"], record["state"], size) if size else None
    return Answers(engine.about(), told, picture)


def _read_back(record: dict) -> Told | None:
    """What a game says of the state that it reads from the description; None if it is another."""
    engine = registry.engine(record["game"], again=True)
    state = engine.parse(record["description"])
    if json.loads(state) != json.loads(record["state"]):
        return None
    return engine.told(record["task"], state, record["params"])


def _examine(record: dict, answers, again, job: Job) -> Finding:
    said = [(DUPLICATE, f"option '{text}' is listed twice") for text in _twice(record["options"])]
    difficulty = agrees = seen = None
    try:
        for one in (answers, again):
            if isinstance(one, Exception):
                raise one
        difficulty = answers.told.difficulty
        seen = for_blind(record, answers.about.task(record["task"]).n_options)
        _check(answers, again, record, said)
        if job.split != (right := split_of(record["game"], record["state"])):
            said.append((SPLIT, f"is in {job.split}, and belongs in {right}"))
        index = int(record["id"].rsplit("-", 1)[1])
        oracle = job.oracles and oracles.find(job.oracles, record["game"])
        asked = answers.told.several or index < job.sample
        if asked and oracle and record["task"] in oracle.tasks():
            objections = oracles.objections(oracle, record)
            said += objections
            agrees = not objections
    except Exception as error:  # whatever a record can break: that is the finding
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        said.append((WRONG, f"cannot be solved again: {reason}"))
    return Finding(
        record["id"],
        record["game"],
        record["task"],
        record["plot_level"],
        job.split,
        _digest_of_state(record["state"]),
        hashlib.sha256(record.get("image") or record["description"].encode()).digest(),
        [Fault(kind, record["id"], reason) for kind, reason in said],
        len(record["steps"]),
        len(" ".join(record["steps"]).split()),
        difficulty,
        agrees,
        seen,
    )


def _digest_of_state(state: str) -> bytes:
    """The same for one position, in whatever order its fields are written."""
    with contextlib.suppress(ValueError, RecursionError):
        state = json.dumps(json.loads(state), sort_keys=True)
    return hashlib.sha256(state.encode()).digest()


def for_blind(record: dict, n_options: int) -> dict | None:
    """What a blind reader gets of a record; None for one that it can't read."""
    if n_options and record["answer"] not in set(LETTERS[:n_options]):
        return None
    if len(record["options"]) != n_options:
        return None
    kept = {key: record[key] for key in ("options", "answer", "plot_level", "seed")}
    # Where words are in place of the picture, they are not read either.
    question = blind.asked(record).replace(in_words(record["description"]), "")
    return {**kept, "question": question}


def _twice(texts: list[str]) -> list[str]:
    return [text for text, count in collections.Counter(texts).items() if count > 1]


def _check(answers: Answers, again: Told | None, record: dict, said: list) -> None:
    """Compares a record with what its game says of it; adds to `said` what differs."""
    about, told, options = answers.about, answers.told, record["options"]
    if len(options) != (n_options := about.task(record["task"]).n_options):
        said.append((WRONG, f"has {len(options)} options, not {n_options}"))
    if options and told.text not in options:
        said.append((WRONG, f"none of the options is right, which is '{told.text}'"))
    else:
        answer, steps = write_answer(told.text, told.steps, options)
        if record["answer"] != answer:
            said.append((WRONG, f"the answer is {answer}, not {record['answer']}"))
        if record["steps"] != steps:
            said.append((WRONG, _difference(record["steps"], steps)))
    if reason := _misleading(told, fill_in=not n_options):
        said.append((STEPS, reason))
    if options.count(told.text) > 1:
        said.append((AMBIGUOUS, f"the right option '{told.text}' is listed twice"))
    if again is None:
        said.append((WRONG, "the description is read back as another state"))
    elif again != told:
        names = [field.name for field in dataclasses.fields(Told)]
        other = ", ".join(name for name in names if getattr(told, name) != getattr(again, name))
        said.append((WRONG, f"the state read from the description has another {other}"))
    if record["description"] != told.description:
        said.append((WRONG, "the description is not that of the state"))
    if record["split_kind"] != about.split_kind:
        said.append((WRONG, f"the split_kind is {about.split_kind}, not {record['split_kind']}"))
    question = f"{about.rules}\n\n{told.asked}"
    if answers.picture is None:
        question = with_words(question, record["description"])
    if record["question"] != question:
        said.append((WRONG, "the question is not what the task asks"))
    if record.get("image") != answers.picture:
        said.append((WRONG, "the picture is not that of the state"))


def _misleading(told: Told, fill_in: bool) -> str | None:
    """Where the steps that a game tells can't be right."""
    if wrong := wrong_sum("\n".join(told.steps)):
        return f"'{wrong}' is wrong"
    last = told.steps[-1] if told.steps else ""
    if fill_in and re.fullmatch(r"-?\d+", told.text):
        if told.text not in {fact.text for fact in facts_in(last)}:
            return f"the answer is {told.text}, and the last step says '{last}'"
    return None


def _difference(given: list[str], right: list[str]) -> str:
    for number, (one, other) in enumerate(zip(given, right, strict=False), start=1):
        if one != other:
            return f"step {number} should be '{other}', not '{one}'"
    return f"has {len(given)} steps, not {len(right)}"


# ------------------------------------------------------------------------------------ a data set


def plan_at(path: Path) -> dataset.Plan:
    """Of the data set there. Raises UserError if there is none, or a game is unknown."""
    plan = dataset.plan_of(dataset_directory(path, dataset.NAME))
    if unknown := [name for name in plan.games if name not in registry.game_names()]:
        raise UserError(f"the data set has questions on unknown games: {', '.join(unknown)}.")
    return plan


def audit(
    path: Path, package: str | None, sample: int, workers: int
) -> tuple[list[dict], dict[str, dict], list[Fault]]:
    """Checks a data set. package: of the oracles, or None.

    Returns a row for each task, the difficulty of each game ({"counts": what, level: mean}), and
    what is wrong. Raises UserError if there is no data set, no such package of oracles, or a game
    is unknown.
    """
    plan, folder = plan_at(path), dataset_directory(path, dataset.NAME)
    if package:
        oracles.check_package(package)
    splits = open_splits(folder)
    jobs = [
        Job(folder, split, first, min(first + CHUNK, len(source)), plan.size, package, sample)
        for split, source in splits.items()
        for first in range(0, len(source), CHUNK)
    ]
    found = collections.defaultdict(list)
    with _Pool(workers) as run, tqdm(total=sum(map(len, splits.values())), unit=" records") as bar:
        for some in run(examine, jobs):
            for finding in some:
                of_task = found[finding.game, finding.task]
                if len(of_task) >= BLIND_RECORDS:
                    finding = dataclasses.replace(finding, seen_blind=None)
                of_task.append(finding)
            bar.update(len(some))
        bar.set_description_str("reading blind, making again")
        return verdict(found, plan, package, run)


def verdict(
    found: dict[tuple[str, str], list[Finding]],
    plan: dataset.Plan,
    package: str | None,
    run: Callable[[Callable, Iterable], Iterable] = map,
) -> tuple[list[dict], dict[str, dict], list[Fault]]:
    """What `audit` returns, by the findings on all records, by game and task."""
    tasks = sorted(found)
    asked = [_seen_blind(found[task]) for task in tasks]
    scores = dict(zip(tasks, run(blind.judge, asked), strict=True))
    made = dict(zip(tasks, run(remake, [(*task, plan) for task in tasks]), strict=True))
    faults = [fault for of_task in found.values() for one in of_task for fault in one.faults]
    faults += _shared(found)
    faults += [Fault(kind, where, why) for task in tasks for kind, where, why in made[task].said]
    rows = [_row(task, found[task], scores[task], made[task].seconds, faults) for task in tasks]
    faults += _without_oracle(tasks, package) if package else ()
    for task in tasks:
        faults += [
            Fault(BLIND, "/".join(task), tell(score)) for score in scores[task] if score.exceeds
        ]
    means = difficulties(found, faults)
    return rows, means, faults


def _without_oracle(tasks: list[tuple[str, str]], package: str) -> Iterator[Fault]:
    for game, task in tasks:
        try:
            oracle = oracles.find(package, game)
            reason = "" if oracle and task in oracle.tasks() else f"there is no oracle in {package}"
        except UserError as error:
            reason = str(error)
        if reason:
            yield Fault(ORACLE, f"{game}/{task}", reason)


def _seen_blind(of_task: list[Finding]) -> list[dict]:
    """In an order that tells nothing."""
    seen = [one.seen_blind for one in of_task if one.seen_blind]
    return sorted(seen, key=lambda record: record["seed"])


class _Pool:
    """A `map`, lazy and in order, over processes; over none if there is one worker."""

    def __init__(self, workers: int):
        # Spawned, not forked: the parent holds threads.
        spawn = multiprocessing.get_context("spawn")
        self._pool = spawn.Pool(workers, *registry.for_workers()) if workers > 1 else None

    def __enter__(self) -> Callable[[Callable, Iterable], Iterator]:
        return self._pool.imap if self._pool else map

    def __exit__(self, *_):
        if self._pool:
            self._pool.terminate()


def tell(score: blind.Score) -> str:
    return (
        f"the blind reader '{score.reader}' is right on {score.hits} of {score.count} "
        f"({score.accuracy:.1%}), more than {score.bound:.1%}"
    )


def _shared(found: dict[tuple[str, str], list[Finding]]) -> Iterator[Fault]:
    """The states and pictures of a game that are in more than one split, each told once; and
    pictures of two states."""
    seen = {}
    for of_task in found.values():
        for one in of_task:
            for what, digest in (("position", one.state), ("picture", one.picture)):
                first = seen.setdefault((one.game, what, digest), one)
                if first.split != one.split:
                    reason = f"the {what} is in {one.split}, and as {first.id} in {first.split}"
                    yield Fault(SHARED, one.id, reason)
                if what == "picture" and first.state != one.state:
                    yield Fault(ALIKE, one.id, f"{first.id}, another position, looks the same")


def _row(
    task: tuple[str, str],
    of_task: list[Finding],
    scores: list[blind.Score],
    seconds: float,
    faults: list[Fault],
) -> dict:
    ids = {one.id for one in of_task}
    bad = collections.defaultdict(set)
    for fault in faults:
        if fault.where in ids:
            bad[fault.kind].add(fault.where)
    asked = [one.oracle for one in of_task if one.oracle is not None]
    return {
        "game": task[0],
        "task": task[1],
        "records": len(of_task),
        **{kind: len(bad[kind]) for kind in (WRONG, AMBIGUOUS, DUPLICATE)},
        "oracle agrees": sum(asked),
        "oracle asked": len(asked),
        "blind reader": scores[0].reader,
        "blind accuracy": round(scores[0].accuracy, 4),
        "blind bound": round(scores[0].bound, 4),
        "median steps": statistics.median(one.steps for one in of_task),
        "median words": statistics.median(one.words for one in of_task),
        "answer bits": round(_bits(_seen_blind(of_task)), 2),
        "states": len({one.state for one in of_task}),
        "pictures": len({one.picture for one in of_task}),
        "shared": len(bad[SHARED]),
        "seconds": None if math.isnan(seconds) else round(seconds, 5),
    }


def _bits(records: list[dict]) -> float:
    """Entropy of what the right answer says."""
    texts = collections.Counter(map(answer_text, records))
    shares = [count / len(records) for count in texts.values()]
    return -sum(share * math.log2(share) for share in shares)


def difficulties(found, faults: list[Fault]) -> dict[str, dict]:
    """Mean difficulty by game and level; adds a fault where it does not grow."""
    counts = collections.defaultdict(lambda: {level: [] for level in LEVELS})
    for (game, _), of_task in found.items():
        for one in of_task:
            if one.difficulty is not None:
                counts[game][one.level].append(one.difficulty)
    means = {}
    for game, by_level in sorted(counts.items()):
        means[game] = {"counts": registry.engine(game).about().counts}
        means[game] |= {level: sum(all_) / len(all_) for level, all_ in by_level.items() if all_}
        grown = [means[game][level] for level in LEVELS if level in means[game]]
        if sorted(set(grown)) != grown:
            told = ", ".join(f"{mean:.2f}" for mean in grown)
            faults.append(Fault(DIFFICULTY, game, f"{means[game]['counts']} do not grow: {told}"))
    return means


def table(rows: list[dict]) -> str:
    """The rows as text, a line each."""
    names = [task_name(row) for row in rows]
    width = max(map(len, ["task", *names]))
    lines = [
        f"{'task':{width}}{'records':>8}{'wrong':>7}{'ambig.':>7}{'twice':>6}{'oracle':>12}  "
        f"{'best blind reader':28}{'right':>7}{'bound':>7}{'bits':>6}{'states':>8}{'pictures':>9}"
        f"{'shared':>7}{'ms':>7}"
    ]
    for name, row in zip(names, rows, strict=True):
        agreement = f"{row['oracle agrees']}/{row['oracle asked']}"
        ms = 1000 * (row["seconds"] or math.nan)
        lines.append(
            f"{name:{width}}{row['records']:8}{row[WRONG]:7}"
            f"{row[AMBIGUOUS]:7}{row[DUPLICATE]:6}{agreement:>12}  {row['blind reader']:28}"
            f"{row['blind accuracy']:7.1%}{row['blind bound']:7.1%}{row['answer bits']:6.1f}"
            f"{row['states']:8}{row['pictures']:9}{row['shared']:7}{ms:7.1f}"
        )
    return "\n".join(lines)


def shown(faults: list[Fault], most: int = 20) -> list[Fault]:
    """At most `most` of the faults: the first of each kind and task, then the second, and so on."""
    seen = collections.Counter()
    turns = []
    for fault in faults:
        kind = fault.kind, fault.where.rsplit("-", 3)[0]
        turns.append(seen[kind])
        seen[kind] += 1
    order = sorted(range(len(faults)), key=lambda at: turns[at])
    return [faults[at] for at in order[:most]]
