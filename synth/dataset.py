"""Records on disk: worker processes make them (see `unfinished`), `records` stores them."""

import functools
import os
from collections.abc import Iterator

from tqdm import tqdm

from records import schema
from records.errors import UserError
from records.paths import AnyPath, is_remote, read_json, remove_folder
from records.reading import open_splits
from records.writing import folder, write
from synth import unfinished
from synth.code import code_of
from synth.plan import Plan

NAME = "gameqa"
DESCRIPTION = "Visual questions about games, each with its answer and the steps that lead to it."
UNFINISHED = "unfinished"  # beside the data set, while it is made
CODE = "code"  # where a data set's metadata say which code made it


def generate(
    out: AnyPath | str, plan: Plan, workers: int, beam: str | None = None
) -> dict[str, int] | None:
    """Writes the data set to out/gameqa/1.0.0 and returns the number of records by split.

    out: may be in a bucket ("gs://...").
    beam: flags of Apache Beam, which then makes the records instead of `workers` processes.
    None if exactly this data set is there already. Raises UserError if another one is, or one that
    other code made, or a part of one, if the plan has no records, and if Beam finds a split
    without any.
    """
    if not plan.total():
        raise UserError(f"a scale of {plan.scale:g} leaves no records; give a larger one.")
    target = folder(out, NAME)
    parts = target.parent / UNFINISHED
    if target.exists() and any(target.iterdir()):
        _check_same(target, plan)
        remove_folder(parts)
        return None
    unfinished.begin(parts, _metadata(plan))
    if beam is None:
        config, splits = None, _splits(parts, plan, workers)
    else:
        from synth import beam as pipeline  # here, because it is an extra

        config = pipeline.config(beam)
        splits = functools.partial(pipeline.splits, os.fspath(parts), plan)
    counts = write(
        out,
        NAME,
        schema.question(plan.size is not None),
        splits,
        _metadata(plan),
        description=DESCRIPTION,
        made_by=__name__,
        config=config,
    )
    remove_folder(parts)
    return counts


def _splits(parts: AnyPath, plan: Plan, workers: int) -> dict:
    """What gives the records of each split; all are made before."""
    counts = unfinished.finish(parts, plan, workers)
    return {
        split: functools.partial(_records, parts, plan, split, counts[split])
        for split in schema.SPLITS
        if counts[split]  # TFDS refuses to write an empty split
    }


def _records(parts: AnyPath, plan: Plan, split: str, count: int) -> Iterator[dict]:
    with tqdm(total=count, unit=" records", desc=f"sorting {split}") as bar:
        for job in unfinished.jobs(plan):
            for record in unfinished.records_in(os.fspath(parts), job, split):
                yield record
                bar.update()


def _metadata(plan: Plan) -> dict:
    return {**plan.as_json(), CODE: code_of(plan.games)}


def _check_same(target: AnyPath, plan: Plan) -> None:
    """Raises UserError unless a data set has this plan and was made by the code that is here."""
    try:
        for name in ("dataset_info.json", "features.json", "metadata.json"):
            kept = read_json(target / name)
        if not is_remote(target):
            open_splits(target)
    except UserError as error:
        raise UserError(
            f"{str(error).removesuffix('.')}; or delete this folder (rm -r {target}) and give the "
            "command again."
        ) from error
    made_by = kept.pop(CODE, None)
    if kept != plan.as_json():
        raise UserError(f"{target} already holds another data set; choose a different --out.")
    if made_by is None:  # by a version that did not keep it
        return
    code = code_of(plan.games)
    names = sorted(made_by.keys() | code.keys())
    if changed := [name for name in names if made_by.get(name) != code.get(name)]:
        raise UserError(
            f"{target} was made by other code than there is now ({', '.join(changed)} changed); "
            "choose a different --out, or delete the folder to make it anew."
        )


def plan_of(directory: AnyPath) -> Plan:
    """What a data set was generated from. Raises UserError where that is damaged."""
    path = directory / "metadata.json"
    kept = read_json(path)
    kept.pop(CODE, None)
    try:
        return Plan(**{**kept, "games": tuple(kept["games"])})
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is not that of a data set of games ({error}).") from error
