"""Asks a model a data set's questions and writes down what it responds, judged.

What `c2l_jax.sample` and `c2l_jax.evaluate` share; the files are those of `c2l_jax.responses`.
"""

import contextlib
import dataclasses
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

import jax
import numpy as np
from tqdm import tqdm

from c2l_jax import cluster
from c2l_jax.answers import Verdict
from c2l_jax.data.processor import INSTRUCTIONS, Processor, as_asked
from c2l_jax.judging import Judge, import_path, verdicts
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import LoadedModel, identity, load_model
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
from records.schema import task_name

JUDGED = 32  # responses, about, that a judge is given at a time; a kill loses no more of them


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is asked and how it is answered: all that responses depend on, but for the model.

    Fields are the options of `python -m c2l_jax.sample`. Raises UserError for values that make no
    sense.
    """

    split: str
    tasks: str | None
    format: str
    n: int
    temperature: float
    top_p: float
    top_k: int
    seed: int
    max_tokens: int
    limit: int | None
    dtype: str

    def __post_init__(self):
        check_choice("format", self.format, INSTRUCTIONS)
        check_choice("dtype", self.dtype, DTYPES)
        check_positive(limit=self.limit, max_tokens=self.max_tokens, n=self.n)
        check_seed(self.seed)
        check_temperature(self.temperature)
        if self.top_k < 0 or not 0 < self.top_p <= 1:
            raise UserError("--top-k must not be negative, --top-p be in (0, 1].")
        if self.temperature == 0 and self.n > 1:
            raise UserError("--temperature 0 makes all responses to a question alike: add --n 1.")


@dataclasses.dataclass(frozen=True)
class Asked:
    """lines: of responses.jsonl, in the order of the records; step: of the model's run, or 0;
    tokens_per_second: None where all responses were there."""

    lines: list[str]
    step: int
    tokens_per_second: float | None


def asked_records(split: Split, tasks: str | None, limit: int | None) -> Sequence[int]:
    """The first `limit` records whose "level/game/task" has the pattern; None stands for all.

    Raises UserError for a bad pattern and where there is no such record.
    """
    if tasks is None:
        return range(len(split))[:limit]
    pattern = pattern_of(tasks, "--tasks")
    kinds, kind_n = split.kinds()
    names = [f"{kind['plot_level']}/{task_name(kind)}" for kind in kinds]
    matches = np.asarray([pattern.search(name) is not None for name in names])
    found = np.flatnonzero(matches[kind_n])[:limit].tolist()
    if not found:
        raise UserError(f"--tasks {tasks!r}: no record matches; names look like {names[0]!r}.")
    return found


def prompt_shape(
    processor: Processor, split: Sequence[dict], records: Sequence[int], format: str
) -> PromptShape:
    """What the longest of these prompts fits in."""
    sizes = (processor.size(split[i], format) for i in tqdm(records, "measuring", leave=False))
    return PromptShape.that_fits(sizes)


def ask(
    model: AnyPath,
    data: AnyPath,
    out: AnyPath,
    settings: Settings,
    *,
    rows: int,
    lanes: int,
    judge: Judge,
    evaluator: ModuleType | None = None,
) -> Asked:
    """Writes sampling.json and responses.jsonl to `out`, or goes on where that was stopped.

    In a cluster every process asks its own questions, with a model of its own; all return the same.

    Args:
      model: a model directory, or a run's workdir, whose newest checkpoint is then used.
      rows, lanes: questions at a time, and responses to each at a time; see `Sampler`.
      evaluator: may ask something in place of the records; see c2l_jax.evaluators.

    Raises UserError for a model or data set that isn't there, and for an `out` that holds responses
    of other settings.
    """
    check_positive(lanes=lanes)
    output_folder(out)
    mesh = device_mesh(rows, jax.local_devices())
    split = open_split(data, settings.split)
    asked = asked_records(split, settings.tasks, settings.limit)
    if hasattr(evaluator, "asked"):
        split, asked = evaluator.asked(split, asked)
    known = identity(model)
    step = known.get("step", 0)
    content = {**known, "data": recorded(data), **dataclasses.asdict(settings)}
    content |= {"judge": import_path(judge), "questions": len(asked)}
    files, began = parts(out), time.monotonic()
    done = _by_index(files)
    claim(out, content, started=bool(done))
    check_records(done, asked, split, out)
    mine = asked[jax.process_index() :: jax.process_count()]
    if left := [index for index in mine if index not in done]:
        loaded = load_model(model, mesh, Compute(settings.dtype))
        if loaded.step != step:
            raise UserError(f"{model} has just saved another checkpoint: give the command again.")
        processor = Processor(loaded.directory)
        began = time.monotonic()
        answered = _respond(loaded, processor, split, asked, left, settings, mesh, rows, lanes)
        name = part_name(jax.process_index())
        with contextlib.closing(Lines(out / name, list(files.get(name, {}).values()))) as file:
            _write(file, answered, split, processor, settings, judge)
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
    return Asked(lines, step, tokens / seconds if new else None)


def _by_index(files: Mapping[str, Mapping[int, str]]) -> dict[int, str]:
    return {index: line for lines in files.values() for index, line in lines.items()}


def _respond(
    loaded: LoadedModel,
    processor: Processor,
    split: Sequence[dict],
    asked: Sequence[int],
    left: Sequence[int],
    settings: Settings,
    mesh: jax.sharding.Mesh,
    rows: int,
    lanes: int,
) -> Iterator[tuple[int, list[Response]]]:
    """(index, responses) of every question that is left, as they are completed."""
    sampler = Sampler(
        loaded.config,
        loaded.compute,
        mesh=mesh,
        # Of all records, so that a resumed command computes in the same shapes.
        shape=prompt_shape(processor, split, asked, settings.format),
        end_tokens=processor.end_token_ids,
        max_tokens=settings.max_tokens,
        rows=rows,
        lanes=lanes,
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
    )
    prompts = ((index, processor.prompt(split[index], settings.format)) for index in left)
    params = sampler.prepare(loaded.params, consume=True)
    answered = sampler.run(params, prompts, settings.n, settings.seed)
    return iter(tqdm(answered, "answering", len(left), unit="question"))


def _write(
    file: Lines,
    answered: Iterator[tuple[int, list[Response]]],
    split: Sequence[dict],
    processor: Processor,
    settings: Settings,
    judge: Judge,
):
    """A line for every question."""
    while some := list(itertools.islice(answered, max(1, JUDGED // settings.n))):
        records = [as_asked(split[index], settings.format) for index, _ in some]
        texts = [processor.tokenizer.decode(each.tokens) for _, them in some for each in them]
        found = iter(verdicts(judge, [r for r in records for _ in range(settings.n)], texts))
        texts = iter(texts)
        for (index, responses), record in zip(some, records, strict=True):
            fields = [response_fields(next(texts), each, next(found)) for each in responses]
            file.add(question_line(index, record, fields))


def response_fields(text: str, response: Response, verdict: Verdict) -> dict:
    """A response as a line of responses.jsonl has it."""
    return {
        "text": text,
        "logp": round(response.logp, 4),
        "tokens": len(response.logps),
        "ended": response.ended,
        **verdict.fields(),
    }
