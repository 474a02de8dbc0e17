"""Asks a data set's questions and writes down what is responded, judged.

What `c2l_jax.sample` and `c2l_jax.evaluate` share; the files are those of `c2l_jax.responses`. Who
responds is a `Source`: a model here (`Model`), or one behind a server (`c2l_jax.served`).
"""

import contextlib
import dataclasses
import functools
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Protocol

import jax
import numpy as np
from tqdm import tqdm

from c2l_jax import cluster
from c2l_jax.answers import Verdict
from c2l_jax.data.processor import INSTRUCTIONS, Processor, as_asked
from c2l_jax.judging import Judge, import_path, verdicts
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import identity, load_model
from c2l_jax.options import (
    DTYPES,
    check_choice,
    check_positive,
    check_seed,
    check_temperature,
    device_mesh,
)
from c2l_jax.paths import Lines
from c2l_jax.responses import (
    check_records,
    claim,
    join_parts,
    part_name,
    parts,
    question_line,
)
from c2l_jax.sampler import PromptShape, Response, Sampler
from records.errors import UserError, pattern_of
from records.paths import AnyPath, output_folder, recorded
from records.reading import Split, open_split
from records.schema import leveled_name

JUDGED = 32  # responses, about, that a judge is given at a time; a kill loses no more of them


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is asked and how it is answered: all that responses depend on, but for the model.

    Fields are the options of `python -m c2l_jax.sample`. Raises UserError for values that make no
    sense.
    """

    split: str
    tasks: str | None
    per_task: int | None = None
    format: str
    n: int
    temperature: float
    top_p: float
    top_k: int
    seed: int
    max_tokens: int
    limit: int | None
    dtype: str | None  # None: computed elsewhere

    def __post_init__(self):
        check_choice("format", self.format, INSTRUCTIONS)
        if self.dtype is not None:
            check_choice("dtype", self.dtype, DTYPES)
        check_positive(
            limit=self.limit, per_task=self.per_task, max_tokens=self.max_tokens, n=self.n
        )
        check_seed(self.seed)
        check_temperature(self.temperature)
        if self.top_k < 0 or not 0 < self.top_p <= 1:
            raise UserError("--top-k must not be negative, --top-p be in (0, 1].")
        if self.temperature == 0 and self.n > 1:
            raise UserError("--temperature 0 makes all responses to a question alike: add --n 1.")


@dataclasses.dataclass(frozen=True)
class Answer:
    """A response to a question. logp: of all its tokens, None where they are not told; ended: by
    itself; failure: why there is no whole text, as of `endpoint.Reply`."""

    text: str
    logp: float | None
    tokens: int
    ended: bool
    failure: str | None = None


class Source(Protocol):
    """Who responds. identity: what sampling.json says of it, for a run with its "step"."""

    identity: dict[str, str | int]

    def answers(
        self, split: Sequence[dict], asked: Sequence[int], left: Sequence[int], settings: Settings
    ) -> Iterator[tuple[int, list[Answer]]]:
        """(index, n responses) of every record in `left`, some of those `asked`."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """lines: of responses.jsonl, in the order of the records; step: of the model's run, or 0; new:
    how many of them this command wrote, in how many seconds; tokens_per_second: None for none."""

    lines: list[str]
    step: int
    new: int
    seconds: float
    tokens_per_second: float | None


def asked_records(
    split: Split, tasks: str | None, limit: int | None, per_task: int | None = None
) -> Sequence[int]:
    """The first `limit` of the first `per_task` records of each "level/game/task" that has the
    pattern; None stands for all.

    Raises UserError for a bad pattern and where there is no such record.
    """
    if tasks is None and per_task is None:
        return range(len(split))[:limit]
    pattern = pattern_of(tasks or "", "--tasks")
    kinds, kind_n = split.kinds()
    names = np.asarray([leveled_name(kind) for kind in kinds])
    chosen = [
        np.flatnonzero((names == name)[kind_n])[:per_task]
        for name in np.unique(names)
        if pattern.search(name)
    ]
    if not chosen:
        raise UserError(f"--tasks {tasks!r}: no record matches; names look like {names[0]!r}.")
    return np.sort(np.concatenate(chosen))[:limit].tolist()


def prompt_shape(
    processor: Processor, split: Sequence[dict], records: Sequence[int], format: str
) -> PromptShape:
    """What the longest of these prompts fits in."""
    sizes = (processor.size(split[i], format) for i in tqdm(records, "measuring", leave=False))
    return PromptShape.that_fits(sizes)


def ask(
    source: Source,
    data: AnyPath,
    out: AnyPath,
    settings: Settings,
    *,
    judge: Judge,
    evaluator: ModuleType | None = None,
) -> Asked:
    """Writes sampling.json and responses.jsonl to `out`, or goes on where that was stopped.

    In a cluster every process asks its own questions, with a model of its own; all return the same.

    Args:
      evaluator: may ask something in place of the records; see c2l_jax.evaluators.

    Raises UserError for a model or data set that isn't there, and for an `out` that holds responses
    of other settings.
    """
    output_folder(out)
    split = open_split(data, settings.split)
    asked = asked_records(split, settings.tasks, settings.limit, settings.per_task)
    if hasattr(evaluator, "asked"):
        split, asked = evaluator.asked(split, asked)
    content = {**source.identity, "data": recorded(data), **dataclasses.asdict(settings)}
    content |= {"judge": import_path(judge), "questions": len(asked)}
    files, began = parts(out), time.monotonic()
    done = _by_index(files)
    claim(out, content, started=bool(done))
    check_records(done, asked, split, out)
    mine = asked[jax.process_index() :: jax.process_count()]
    if left := [index for index in mine if index not in done]:
        answered = source.answers(split, asked, left, settings)
        name = part_name(jax.process_index())
        with contextlib.closing(Lines(out / name, list(files.get(name, {}).values()))) as file:
            began = time.monotonic()
            _write(file, answered, split, settings, judge)
    cluster.barrier("all questions are answered")
    new = {index: line for index, line in _by_index(parts(out)).items() if index not in done}
    seconds = time.monotonic() - began
    if missing := [index for index in asked if index not in done and index not in new]:
        raise UserError(
            f"{out} lacks the responses to {len(missing)} of {len(asked)} questions, which other "
            "processes wrote: give an --out that all hosts reach."
        )
    lines = [(done | new)[index] for index in asked]
    cluster.barrier("all responses are read")
    if jax.process_index() == 0:
        join_parts(out, lines)
    tokens = sum(r["tokens"] for line in new.values() for r in json.loads(line)["responses"])
    speed = tokens / seconds if new else None
    return Asked(lines, source.identity.get("step", 0), len(new), seconds, speed)


def _by_index(files: Mapping[str, Mapping[int, str]]) -> dict[int, str]:
    return {index: line for lines in files.values() for index, line in lines.items()}


@dataclasses.dataclass(frozen=True)
class Model:
    """A model directory, or a run's workdir, whose newest checkpoint is then used.

    rows, lanes: questions at a time, and responses to each at a time; see `Sampler`.
    """

    path: AnyPath
    rows: int
    lanes: int

    def __post_init__(self):
        check_positive(lanes=self.lanes)
        device_mesh(self.rows, jax.local_devices())

    @functools.cached_property
    def identity(self) -> dict[str, str | int]:
        return identity(self.path)

    def answers(
        self, split: Sequence[dict], asked: Sequence[int], left: Sequence[int], settings: Settings
    ) -> Iterator[tuple[int, list[Answer]]]:
        mesh = device_mesh(self.rows, jax.local_devices())
        loaded = load_model(self.path, mesh, Compute(settings.dtype))
        if loaded.step != self.identity.get("step", 0):
            raise UserError(
                f"{self.path} has just saved another checkpoint: give the command again."
            )
        processor = Processor(loaded.directory)
        sampler = Sampler(
            loaded.config,
            loaded.compute,
            mesh=mesh,
            # Of all records, so that a resumed command computes in the same shapes.
            shape=prompt_shape(processor, split, asked, settings.format),
            end_tokens=processor.end_token_ids,
            max_tokens=settings.max_tokens,
            rows=self.rows,
            lanes=self.lanes,
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
        )
        prompts = ((index, processor.prompt(split[index], settings.format)) for index in left)
        params = sampler.prepare(loaded.params, consume=True)
        sampled = sampler.run(params, prompts, settings.n, settings.seed)
        return _read(tqdm(sampled, "answering", len(left), unit="question"), processor)


def _read(
    sampled: Iterable[tuple[int, list[Response]]], processor: Processor
) -> Iterator[tuple[int, list[Answer]]]:
    for index, responses in sampled:
        yield (
            index,
            [
                Answer(
                    processor.tokenizer.decode(each.tokens),
                    round(each.logp, 4),
                    len(each.logps),
                    each.ended,
                )
                for each in responses
            ],
        )


def _write(
    file: Lines,
    answered: Iterator[tuple[int, list[Answer]]],
    split: Sequence[dict],
    settings: Settings,
    judge: Judge,
):
    """A line for every question."""
    while some := list(itertools.islice(answered, max(1, JUDGED // settings.n))):
        records = [as_asked(split[index], settings.format) for index, _ in some]
        each_record = [record for record in records for _ in range(settings.n)]
        each_answer = [answer for _, answers in some for answer in answers]
        found = iter(_verdicts(judge, each_record, each_answer))
        for (index, answers), record in zip(some, records, strict=True):
            fields = [_fields(answer, next(found)) for answer in answers]
            file.add(question_line(index, record, fields))


def _verdicts(judge: Judge, records: Sequence[Mapping], answers: Sequence[Answer]) -> list[Verdict]:
    """Where there is no text there is no answer, whatever a judge would say."""
    said = [place for place, answer in enumerate(answers) if answer.text or not answer.failure]
    found = [Verdict(None, correct=False)] * len(answers)
    if said:
        given = verdicts(judge, [records[i] for i in said], [answers[i].text for i in said])
        for place, verdict in zip(said, given, strict=True):
            found[place] = verdict
    return found


def _fields(answer: Answer, verdict: Verdict) -> dict:
    """A response as a line of responses.jsonl has it."""
    fields = dataclasses.asdict(answer) | verdict.fields()
    return {name: value for name, value in fields.items() if name != "failure" or value}
