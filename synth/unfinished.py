"""The records of a data set that is being made: a file for each shard that is finished.

A file gets its name when it is whole: a kill loses only the shards at work, and the same command
makes only the rest. It holds {split: number of records}, then the records of each of these splits,
all pickled.
"""

import collections
import functools
import json
import multiprocessing
import os
import pickle
from collections.abc import Iterator

from etils import epath
from tqdm import tqdm

from records.errors import UserError
from synth import registry
from synth.plan import Plan, Shard, make_shard

Job = tuple[int, Shard]  # with the shard's number


def jobs(plan: Plan) -> list[Job]:
    return list(enumerate(plan.shards()))


def begin(folder: epath.Path, whose: dict) -> None:
    """Makes the folder for the data set that `whose` describes.

    Raises UserError if the folder holds parts of another one.
    """
    told = folder / "metadata.json"
    if not folder.exists():
        folder.mkdir(parents=True)
    elif told.exists() and told.read_text() == json.dumps(whose):
        return
    elif any(folder.glob("*.records")):
        raise UserError(
            f"{folder} holds parts of a data set of other arguments or made by other code; "
            f"delete this folder (rm -r {folder}), or choose a different --out."
        )
    told.write_text(json.dumps(whose))


def finish(folder: epath.Path, plan: Plan, workers: int) -> collections.Counter:
    """Makes the shards that are not there yet; returns the number of records by split."""
    there = {path.name for path in folder.glob("*.records")}
    ahead = [job for job in jobs(plan) if _name(job[0]) not in there]
    counts = collections.Counter()
    run = functools.partial(count, os.fspath(folder))
    with tqdm(total=plan.total(), unit=" records", desc="making records") as bar:

        def add(some: dict[str, int]) -> None:
            counts.update(some)
            bar.update(sum(some.values()))

        for job in jobs(plan):
            if _name(job[0]) in there:
                add(run(job))
        if workers == 1:
            for job in ahead:
                add(run(job))
            return counts
        # Spawned, not forked: the parent may hold threads. Workers end when the parent is killed.
        spawn = multiprocessing.get_context("spawn")
        with spawn.Pool(workers, *registry.for_workers()) as pool:
            for some in pool.imap_unordered(run, ahead):
                add(some)
    return counts


def count(folder: str, job: Job) -> dict[str, int]:
    """How many records of each split a shard has; they are made if they are not there."""
    path = epath.Path(folder) / _name(job[0])
    if not path.exists():
        _make(path, job[1])
    with path.open("rb") as file:
        return pickle.load(file)


def records(folder: str, job: Job) -> Iterator[tuple[str, dict]]:
    """A shard's records, each with its split; they are made if they are not there."""
    for split in count(folder, job):
        for record in records_in(folder, job, split):
            yield split, record


def records_in(folder: str, job: Job, split: str) -> list[dict]:
    """Those records of a finished shard that are in a split."""
    with (epath.Path(folder) / _name(job[0])).open("rb") as file:
        for name in pickle.load(file):
            found = pickle.load(file)
            if name == split:
                return found
    return []


def _make(path: epath.Path, shard: Shard) -> None:
    by_split = collections.defaultdict(list)
    for split, record in make_shard(shard):
        by_split[split].append(record)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # others may make the same shard
    try:
        with part.open("wb") as file:
            pickle.dump({split: len(some) for split, some in by_split.items()}, file)
            for some in by_split.values():
                pickle.dump(some, file, pickle.HIGHEST_PROTOCOL)
        part.replace(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error}; the same command will go on from here."
        ) from error


def _name(number: int) -> str:
    return f"{number:07}.records"
