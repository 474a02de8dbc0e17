"""The same data set made by an Apache Beam pipeline, on one machine or on many."""

import shlex
from collections.abc import Iterator

import apache_beam
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners import create_runner

from records.errors import UserError
from records.writing import example
from synth import registry, unfinished
from synth.plan import Plan
from synth.records import splits_of


def splits(parts: str, plan: Plan, pipeline) -> dict:
    """The examples of each split. Every record is made once, in shards that all workers share."""
    made = (
        pipeline
        | "shards" >> apache_beam.Create(unfinished.jobs(plan))
        | "spread" >> apache_beam.Reshuffle()
        | "records" >> apache_beam.FlatMap(_records, parts, registry.more_folders())
    )
    return {
        split: made
        | f"in {split}" >> apache_beam.Filter(_is_in, split)
        | f"examples of {split}" >> apache_beam.MapTuple(_example)
        for split in splits_of(plan.games)
    }


def _records(job: unfinished.Job, parts: str, folders: list[str]) -> Iterator[tuple[str, dict]]:
    """A worker on another machine has not our environment, and may know no SYNTH_GAMES."""
    registry.look_in(folders)
    return unfinished.records(parts, job)


def _is_in(placed: tuple[str, dict], split: str) -> bool:
    return placed[0] == split


def _example(split: str, record: dict) -> tuple[str, dict]:
    return example(record)


def config(flags: str) -> tfds.download.DownloadConfig:
    """Beam's own flags, as one text, in the form TFDS takes. Raises UserError for a bad runner."""
    options = PipelineOptions(shlex.split(flags))
    try:
        runner = create_runner(options.view_as(StandardOptions).runner or "DirectRunner")
    except (ImportError, ValueError) as error:
        raise UserError(f"--beam {flags}: {error}.") from error
    return tfds.download.DownloadConfig(beam_options=options, beam_runner=runner)
