"""Checks a data set: every record again from its state, every task for what it gives away.

What is checked, and when it fails, is told by `python -m synth audit --help`.
"""

import collections
import dataclasses
import functools
import hashlib
import importlib
import json
import math
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from string import ascii_uppercase as LETTERS

from tqdm import tqdm

from records.errors import UserError
from records.reading import Split, dataset_directory, open_splits
from records.schema import task_name
from synth import blind, dataset
from synth.game import LEVELS, Game, params_from_json, state_from_json
from synth.records import in_words, make_record, split_of, with_position, write_answer
from synth.registry import find_game, game_names

CHUNK = 64  # records a worker examines in one go
BLIND_RECORDS = 6000  # of each task; more would not tell more
TIMED_RECORDS = 5  # of each level
WRONG, AMBIGUOUS, DUPLICATE, ORACLE, SHARED, SPLIT, BLIND, DIFFICULTY = (
    "wrong",
    "ambiguous",
    "duplicate options",
    "oracle",
    "shared",
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


def examine(job: Job) -> list[Finding]:
    source = _splits(job.folder)[job.split]
    return [_examine(source[at], job.split, job) for at in range(job.first, job.end)]


@functools.cache
def _splits(folder: Path) -> dict[str, Split]:
    return open_splits(folder)


def _examine(record: dict, split: str, job: Job) -> Finding:
    said = [(DUPLICATE, f"option '{text}' is listed twice") for text in _twice(record["options"])]
    difficulty = agrees = seen = None
    try:
        game = find_game(record["game"])
        state = state_from_json(game, record["state"])
        difficulty = float(game.difficulty[1](state))
        seen = _for_blind(record, game.task(record["task"]).n_options)
        several = _check(game, state, record, job.size, said)
        if split != (right := split_of(game.name, record["state"])):
            said.append((SPLIT, f"is in {split}, and belongs in {right}"))
        index = int(record["id"].rsplit("-", 1)[1])
        oracle = job.oracles and oracle_for(job.oracles, record["game"], record["task"])
        if oracle and (several or index < job.sample):
            objections = ask_oracle(oracle, record)
            said += objections
            agrees = not objections
    except Exception as error:  # whatever a record can break: that is the finding
        said.append((WRONG, f"cannot be solved again: {type(error).__name__}: {error}"))
    return Finding(
        record["id"],
        record["game"],
        record["task"],
        record["plot_level"],
        split,
        hashlib.sha256(record["state"].encode()).digest(),
        hashlib.sha256(record.get("image") or record["description"].encode()).digest(),
        [Fault(kind, record["id"], reason) for kind, reason in said],
        len(record["steps"]),
        len(" ".join(record["steps"]).split()),
        difficulty,
        agrees,
        seen,
    )


def _for_blind(record: dict, n_options: int) -> dict | None:
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


def _check(game: Game, state, record: dict, size: int | None, said: list) -> bool:
    """Solves, words and draws a record again; adds to `said` what differs.

    Returns whether values other than `answer` could be right, which only an oracle can judge.
    """
    task = game.task(record["task"])
    params = params_from_json(record["params"])
    solution = task.solve(state, **params)
    text, options = task.text(solution.answer), record["options"]
    if len(options) != task.n_options:
        said.append((WRONG, f"has {len(options)} options, not {task.n_options}"))
    if options and text not in options:
        said.append((WRONG, f"none of the options is right, which is '{text}'"))
    else:
        answer, steps = write_answer(text, solution.steps, options)
        if record["answer"] != answer:
            said.append((WRONG, f"the answer is {answer}, not {record['answer']}"))
        if record["steps"] != steps:
            said.append((WRONG, _difference(record["steps"], steps)))
    if options.count(text) > 1:
        said.append((AMBIGUOUS, f"the right option '{text}' is listed twice"))
    parsed = game.parse(record["description"])
    if parsed != state:
        said.append((WRONG, "the description is read back as another state"))
    elif task.text(task.solve(parsed, **params).answer) != text:
        said.append((WRONG, "the state read from the description has another answer"))
    if record["description"] != game.describe(state):
        said.append((WRONG, "the description is not that of the state"))
    if record["split_kind"] != game.split_kind:
        said.append((WRONG, f"the split_kind is {game.split_kind}, not {record['split_kind']}"))
    asked = {"question": f"{game.rules}\n\n{task.ask(state, **params)}"}
    again = with_position(record | asked, size)
    if record["question"] != again["question"]:
        said.append((WRONG, "the question is not what the task asks"))
    if record.get("image") != again.get("image"):
        said.append((WRONG, "the picture is not that of the state"))
    return solution.accepts is not None


def _difference(given: list[str], right: list[str]) -> str:
    for number, (one, other) in enumerate(zip(given, right, strict=False), start=1):
        if one != other:
            return f"step {number} should be '{other}', not '{one}'"
    return f"has {len(given)} steps, not {len(right)}"


# ------------------------------------------------------------------------------------- oracles


@functools.cache
def oracle_for(package: str, game: str, task: str) -> Callable | None:
    """A task's independent solver, from PACKAGE/GAME.py; None where there is none."""
    name = f"{package}.{game}"
    try:
        return importlib.import_module(name).ORACLES.get(task)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def _check_package(package: str) -> None:
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the package {package} with the independent solvers cannot be imported; run this in "
            "a checkout of the project, or name yours with --oracles, or use --no-oracles."
        ) from error


def ask_oracle(oracle: Callable, record: dict) -> list[tuple[str, str]]:
    """What the oracle objects to: the stored answer must be right, every other option wrong.

    Returns (kind, reason) for each objection.
    """
    verdict = oracle(json.loads(record["state"]), json.loads(record["params"]))
    is_right = verdict if callable(verdict) else lambda text: text == verdict
    options = record["options"]
    if not options:
        if is_right(record["answer"]):
            return []
        told = "" if callable(verdict) else f"; its answer is '{verdict}'"
        return [(ORACLE, f"the oracle calls the answer '{record['answer']}' wrong{told}")]
    right = [LETTERS[at] for at, option in enumerate(options) if is_right(option)]
    if right == [record["answer"]]:
        return []
    told = " and ".join(right) if right else "no option"
    said = [(ORACLE, f"the oracle calls {told} right; the answer is {record['answer']}")]
    return [*said, (AMBIGUOUS, f"the options {told} are right")] if len(right) > 1 else said


# ------------------------------------------------------------------------------------ a data set


def audit(
    path: Path, oracles: str | None, sample: int, workers: int
) -> tuple[list[dict], dict[str, dict], list[Fault]]:
    """Checks a data set.

    Returns a row for each task, the difficulty of each game ({"counts": what, level: mean}), and
    what is wrong. Raises UserError if there is no data set, no such package of oracles, or a game
    is unknown.
    """
    folder = dataset_directory(path, dataset.NAME)
    plan = dataset.plan_of(folder)
    if unknown := [name for name in plan.games if name not in game_names()]:
        raise UserError(f"the data set has questions on unknown games: {', '.join(unknown)}.")
    if oracles:
        _check_package(oracles)
    splits = open_splits(folder)
    jobs = [
        Job(folder, split, first, min(first + CHUNK, len(source)), plan.size, oracles, sample)
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
        tasks = sorted(found)
        bar.set_description_str("reading blind")
        asked = [_seen_blind(found[task]) for task in tasks]
        scores = dict(zip(tasks, run(blind.judge, asked), strict=True))
        bar.set_description_str("timing")
        seconds = dict(zip(tasks, run(time_task, [(*t, plan) for t in tasks]), strict=True))
    faults = [fault for of_task in found.values() for one in of_task for fault in one.faults]
    faults += _shared(found)
    rows = [_row(task, found[task], scores[task], seconds[task], faults) for task in tasks]
    for task in tasks if oracles else ():
        if oracle_for(oracles, *task) is None:
            faults.append(Fault(ORACLE, "/".join(task), f"there is no oracle in {oracles}"))
    for task in tasks:
        faults += [
            Fault(BLIND, "/".join(task), tell(score)) for score in scores[task] if score.exceeds
        ]
    difficulties = _difficulties(found, faults)
    return rows, difficulties, faults


def _seen_blind(of_task: list[Finding]) -> list[dict]:
    """In an order that tells nothing."""
    seen = [one.seen_blind for one in of_task if one.seen_blind]
    return sorted(seen, key=lambda record: record["seed"])


class _Pool:
    """A `map`, lazy and in order, over processes; over none if there is one worker."""

    def __init__(self, workers: int):
        # Spawned, not forked: the parent holds threads.
        self._pool = multiprocessing.get_context("spawn").Pool(workers) if workers > 1 else None

    def __enter__(self) -> Callable[[Callable, Iterable], Iterator]:
        return self._pool.imap if self._pool else map

    def __exit__(self, *_):
        if self._pool:
            self._pool.terminate()


def time_task(task: tuple[str, str, dataset.Plan]) -> float:
    """Seconds of processor time for a record; made twice, as the first time fills caches."""
    game, name, plan = task
    indices = [(level, index) for level in LEVELS for index in range(TIMED_RECORDS)]
    for _ in range(2):
        start = time.process_time()
        for level, index in indices:
            make_record(game, name, level, plan.seed, index, plan.size)
        seconds = time.process_time() - start
    return seconds / len(indices)


def tell(score: blind.Score) -> str:
    return (
        f"the blind reader '{score.reader}' is right on {score.hits} of {score.count} "
        f"({score.accuracy:.1%}), more than {score.bound:.1%}"
    )


def _shared(found: dict[tuple[str, str], list[Finding]]) -> Iterator[Fault]:
    """The states and pictures of a game that are in more than one split, each told once."""
    seen = {}
    for of_task in found.values():
        for one in of_task:
            for what, digest in (("position", one.state), ("picture", one.picture)):
                first = seen.setdefault((one.game, what, digest), one)
                if first.split != one.split:
                    reason = f"the {what} is in {one.split}, and as {first.id} in {first.split}"
                    yield Fault(SHARED, one.id, reason)


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
        "seconds": round(seconds, 5),
    }


def _bits(records: list[dict]) -> float:
    """Entropy of what the right answer says."""
    texts = collections.Counter(
        r["options"][blind.right(r)] if r["options"] else r["answer"] for r in records
    )
    shares = [count / len(records) for count in texts.values()]
    return -sum(share * math.log2(share) for share in shares)


def _difficulties(found, faults: list[Fault]) -> dict[str, dict]:
    """Mean difficulty by game and level; adds a fault where it does not grow."""
    counts = collections.defaultdict(lambda: {level: [] for level in LEVELS})
    for (game, _), of_task in found.items():
        for one in of_task:
            if one.difficulty is not None:
                counts[game][one.level].append(one.difficulty)
    means = {}
    for game, by_level in sorted(counts.items()):
        means[game] = {"counts": find_game(game).difficulty[0]}
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
        lines.append(
            f"{name:{width}}{row['records']:8}{row[WRONG]:7}"
            f"{row[AMBIGUOUS]:7}{row[DUPLICATE]:6}{agreement:>12}  {row['blind reader']:28}"
            f"{row['blind accuracy']:7.1%}{row['blind bound']:7.1%}{row['answer bits']:6.1f}"
            f"{row['states']:8}{row['pictures']:9}{row['shared']:7}{1000 * row['seconds']:7.1f}"
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
