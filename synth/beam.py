"""The same data set made by an Apache Beam pipeline, on one machine or on many."""

import shlex
from functools import partial

import apache_beam
import tensorflow_datasets as tfds
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners import create_runner
from tensorflow_datasets.core import registered

from synth import unfinished
from synth.dataset import GameQA, example
from synth.game import UserError
from synth.records import splits_of

with registered.skip_registration():  # its name is taken by the class it stands in for

    class BeamGameQA(GameQA):
        """Every record is made once, in shards that the workers of the pipeline share."""

        name, __module__ = GameQA.name, GameQA.__module__  # both are written into the data set

        def _split_generators(self, dl_manager, pipeline):
            made = (
                pipeline
                | "shards" >> apache_beam.Create(unfinished.jobs(self.plan))
                | "spread" >> apache_beam.Reshuffle()
                | "records" >> apache_beam.FlatMap(partial(unfinished.records, self._unfinished))
            )
            return {
                split: made
                | f"in {split}" >> apache_beam.Filter(_is_in, split)
                | f"examples of {split}" >> apache_beam.MapTuple(_example)
                for split in splits_of(self.plan.games)
            }


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
