"""Where the batches of group-relative policy optimisation come from: sampled, judged, packed.

Each process asks its own questions of its own copy of the current weights, so that no device waits
for another host while responses are written. Then all agree on how many parts the step has.

Nothing here has a state but the data iterator: a random draw depends on the number of the question
among all that were ever asked, which is its place in the endless data set.
"""

import contextlib
import dataclasses
import functools
import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import grain
import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from c2l_jax import answers
from c2l_jax.data.layout import RowShape, batch_shapes, feature, fill_up
from c2l_jax.data.packing import FitsRow, Group, endless, mixture, pack
from c2l_jax.data.pictures import open_pictures
from c2l_jax.data.processor import Processor, add_branches, as_asked, user_text
from c2l_jax.models import family_of, weights
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.models.lora import LoRA
from c2l_jax.models.params import merge
from c2l_jax.response_logprobs import Size, slices
from c2l_jax.rewards import Rewards
from c2l_jax.sampler import PromptShape, Response
from c2l_jax.sharding import ROWS, put_batch
from c2l_jax.sources import Batch
from c2l_jax.writer import Writer
from records.errors import UserError
from records.paths import anywhere
from records.schema import task_name


@dataclasses.dataclass
class Question:
    """One that is asked, and its group of G responses.

    number: its place among all that ever were. stream: that it is from. record: as it is asked.
    """

    number: int
    stream: str
    record: dict
    text: str
    prompt: dict[str, np.ndarray]
    responses: list[Response] = dataclasses.field(default_factory=list)
    texts: list[str] = dataclasses.field(default_factory=list)
    rewards_g: np.ndarray | None = None
    advantages_g: np.ndarray | None = None

    @property
    def lengths_g(self) -> np.ndarray:
        """Tokens of each response, its end token included."""
        return np.asarray([len(response.logps) for response in self.responses])


class Questions:
    """A split's questions over and over, in a random order that the seed fixes, in streams that the
    processes share (see `stream_count`). Those that fit no row are dropped, aloud."""

    def __init__(self, split, processor: Processor, config):
        grpo, data = config.grpo, config.data
        row = RowShape(data.row_tokens, data.row_targets, data.row_tiles)
        self.shape = PromptShape(
            grpo.prompt_tokens or row.tokens - grpo.max_tokens, grpo.prompt_tiles or row.tiles
        )
        # As large as with the longest response.
        limit = RowShape(
            min(self.shape.tokens, row.tokens - grpo.max_tokens),
            0,
            min(self.shape.tiles, row.tiles),
        )
        self._decode = processor.tokenizer.decode
        count = data.streams or jax.process_count()
        share = count // jax.process_count()
        mine = range(share * jax.process_index(), share * (jax.process_index() + 1))
        self._fits = {number: FitsRow(limit, min(10_000, 4 * len(split))) for number in mine}
        groups = [
            Group(functools.partial(_entry, name), found, part)
            for name, found, part in mixture(split, data.formats, data.tasks)
        ]

        def question(stream, place, entry):
            format, index = entry
            record = split[index]
            prompt = processor.prompt(record, format)
            text = user_text(record, format)
            name, number = f"process_{stream}-of-{count}", place * count + stream
            return Question(number, name, as_asked(record, format), text, prompt)

        options = grain.ReadOptions(
            num_threads=max(1, data.threads // share), prefetch_buffer_size=64
        )
        self._streams = {
            f"process_{number}-of-{count}": endless(groups, config.seed, number, count)
            .map_with_index(functools.partial(question, number))
            .to_iter_dataset(options)
            .filter(functools.partial(_is_short, fits))
            for number, fits in self._fits.items()
        }
        self.rewind()

    @property
    def dropped(self) -> Sequence[str]:
        return [name for fits in self._fits.values() for name in fits.dropped]

    def rewind(self):
        """Begins anew."""
        self.iterators = {name: iter(questions) for name, questions in self._streams.items()}

    def states(self) -> list:
        return [iterator.get_state() for iterator in self.iterators.values()]

    def next(self, count: int, streams: Iterable[str]) -> list[Question]:
        """So many from each of these streams."""
        some = (itertools.islice(self.iterators[name], count) for name in streams)
        return list(itertools.chain(*some))

    def answer(self, asked: list[Question], writer: Writer, params: dict, n: int, seed: int):
        """Gives each question n responses and their texts. params: from `Writer.load`."""
        found = writer.answers(params, ((each.number, each.prompt) for each in asked), n, seed)
        for question in asked:
            question.responses = found[question.number]
            question.texts = [self._decode(response.tokens) for response in question.responses]


def _is_short(fits: FitsRow, question: Question) -> bool:
    trunk = {**question.prompt, "targets": (), "id": question.record["id"]}
    return fits(trunk | {"tokens": question.prompt["tokens"][1:]})


def _entry(format: str, index: int) -> tuple[str, int]:
    return format, index


class _Asking:
    """A source whose state is that of its questions."""

    _questions: Questions

    @property
    def iterators(self) -> Mapping[str, grain.DatasetIterator]:
        return self._questions.iterators

    @property
    def dropped(self) -> Sequence[str]:
        return self._questions.dropped


class Greedy(_Asking):
    """Held-out questions, answered with the likeliest tokens. A source without batches."""

    samples = ()

    def __init__(self, split, processor: Processor, config, mesh: Mesh):
        self._questions = Questions(split, processor, config)
        self._count = config.grpo.questions // jax.process_count()
        shape = self._questions.shape
        self._writer = Writer(processor, config, mesh, shape, lanes=1, temperature=0.0)
        self.rewind = self._questions.rewind

    def next(self, params) -> tuple[list[Batch], list[str], dict[str, float]]:
        """No parts; accuracy by the rules, and the share of responses that were cut off."""
        asked = self._questions.next(self._count // len(self.iterators), self.iterators)
        self._questions.answer(asked, self._writer, self._writer.load(params), 1, seed=0)
        records = [question.record for question in asked]
        said = [question.texts[0] for question in asked]
        right = sum(verdict.correct for verdict in answers.judge(records, said))
        cut = sum(not question.responses[0].ended for question in asked)
        found = gathered({"asked": len(asked), "accuracy": right, "truncated": cut})
        shares = {name: found[name] / found["asked"] for name in ("accuracy", "truncated")}
        return [], [record["id"] for record in records], shares


class Scorer:
    """Log-probabilities of a part's targets, by the forward pass of training.

    logprobs: (model, batch, config) -> those of [B, R], and another thing.
    """

    def __init__(self, config, mesh: Mesh, logprobs: Callable):
        self._mesh = mesh
        self.compute = Compute(config.compute_dtype, attention=config.attention, mesh=mesh)
        model_config = family_of(config.model).Config.from_directory(config.model)
        lora, dtype = LoRA.of(config.lora), jnp.dtype(config.compute_dtype)
        graphdef, _ = weights.abstract(model_config, self.compute, dtype, lora)

        def run(params, batch):
            cast = {path: param.astype(dtype) for path, param in params.items()}
            return logprobs(merge(graphdef, cast), batch, config)[0]

        by_row = NamedSharding(mesh, PartitionSpec(ROWS))
        self._run = jax.jit(run, out_shardings=by_row)

    def __call__(self, params: dict[str, jax.Array], part: Batch) -> np.ndarray:
        """[B, R] float32 of this process's rows."""
        logp_br = self._run(params, put_batch(self._mesh, part))
        spec = logp_br.sharding.spec
        local = multihost_utils.global_array_to_host_local_array(logp_br, self._mesh, spec)
        return np.asarray(local)


class Rollouts(_Asking):
    """Groups of responses with their advantages, packed.

    Args:
      extra_targets, logprobs, advantages: of the objective; see objectives/grpo.py.

    Raises UserError for rewards that don't exist.
    """

    def __init__(
        self,
        split,
        processor: Processor,
        config,
        *,
        mesh: Mesh,
        workdir,
        extra_targets: Sequence[str],
        logprobs: Callable,
        advantages: Callable,
    ):
        grpo, data = config.grpo, config.data
        self._config, self._extra, self._advantages = config, tuple(extra_targets), advantages
        self._rewards = Rewards(grpo, workdir)
        self._questions = Questions(split, processor, config)
        self._count = grpo.questions // jax.process_count()
        self._writer = Writer(
            processor,
            config,
            mesh,
            self._questions.shape,
            lanes=grpo.group,
            temperature=grpo.temperature,
            top_k=grpo.top_k,
            top_p=grpo.top_p,
            tempered=True,
        )
        targets = data.row_targets or data.row_tokens
        self._row = RowShape(data.row_tokens, targets, data.row_tiles)
        self._rows = data.rows // config.accumulation // jax.process_count()
        self._patch_shape = processor.pictures.patch_shape
        self._units = processor.pictures.merged_per_tile
        self._tasks = sorted({task_name(kind) for kind in split.kinds()[0]})
        self._score, self._reference = Scorer(config, mesh, logprobs), None
        if grpo.kl != "none" and not config.lora.rank:  # else the loss has it from the model itself
            self._reference = load_model(anywhere(config.model), mesh, self._score.compute).params
        self._start = self._questions.states()
        self._handed_over: float | None = None  # when the last batch was
        self.samples: list[tuple[str, np.ndarray | None, str]] = []

    def next(self, params) -> tuple[list[Batch], list[str], dict[str, float]]:
        """The next questions' groups; see `Source.next`.

        Raises UserError where a reward fails, and where most of the run's first responses are cut
        off.
        """
        clock, is_first = Clock(), self._questions.states() == self._start
        jax.block_until_ready(params)
        if self._handed_over is not None:
            clock.seconds["update"] = time.monotonic() - self._handed_over
        groups, counts = self._drawn(params, clock)
        found = gathered(counts)
        if is_first and found["cut"] > found["responses"] / 2:
            raise UserError(
                f"{found['cut']:.0f} of the first {found['responses']:.0f} responses were cut off "
                f"at config.grpo.max_tokens = {self._config.grpo.max_tokens}: raise it, or begin "
                "with a model that ends what it writes."
            )
        self._set_advantages(groups, found)
        with clock("pack"):
            parts = self._packed(groups)
        if self._config.updates > 1:
            with clock("old"):
                self._fill_in("old_logps", params, parts)
        if self._reference is not None:
            with clock("reference"):
                self._fill_in("reference_logps", self._reference, parts)
        self.samples = [shown(groups[0])] if groups else []
        ids = [group.record["id"] for group in groups]
        seconds = {f"seconds/{name}": spent for name, spent in clock.seconds.items()}
        self._handed_over = time.monotonic()
        return parts, ids, self._figures(found, clock) | {"parts": len(parts)} | seconds

    def _drawn(self, params, clock: "Clock") -> tuple[list[Question], dict[str, float]]:
        """This process's groups of a step, or those that are left; and counts of all that were
        drawn, by names that all processes have."""
        grpo, count = self._config.grpo, self._count // len(self.iterators)
        # Each stream for itself: it doesn't matter which process has it.
        kept: dict[str, list[Question]] = {name: [] for name in self.iterators}
        counts = dict.fromkeys(COUNTS, 0.0)
        names = [f"reward/{task}" for task in self._tasks]
        names += [f"rewards/{name}" for name in self._rewards.weights]
        counts |= {f"{what} {name}": 0.0 for name in names for what in ("sum", "count")}
        with clock("rollout"):
            weights = self._writer.load(params)
        for _ in range(grpo.draws if grpo.filter else 1):
            asked = self._questions.next(count, [n for n in kept if len(kept[n]) < count])
            with clock("rollout"):
                self._questions.answer(asked, self._writer, weights, grpo.group, self._config.seed)
            with clock("reward"):
                self._judge(asked, counts)
            for group in asked:
                add_up(group, counts)
                if not grpo.filter or np.ptp(group.rewards_g) > 0:
                    kept[group.stream].append(group)
            if all(len(groups) >= count for groups in kept.values()):
                break
        groups = [group for some in kept.values() for group in some[:count]]
        rewards = np.concatenate([np.zeros(0), *(group.rewards_g for group in groups)])
        counts |= {"kept": len(groups), "kept sum": rewards.sum(), "squares": (rewards**2).sum()}
        return groups, counts

    def _judge(self, groups: list[Question], counts: dict[str, float]):
        """Sets the groups' rewards, less what too long a response costs."""
        records = [group.record for group in groups for _ in group.texts]
        found = self._rewards(records, [text for group in groups for text in group.texts])
        total = sum(weight * found[name] for name, weight in self._rewards.weights.items())
        for name, rewards in found.items():
            counts[f"sum rewards/{name}"] += rewards.sum()
            counts[f"count rewards/{name}"] += len(rewards)
        for group, rewards_g in zip(groups, total.reshape(len(groups), -1), strict=True):
            group.rewards_g = rewards_g - overlong(group.lengths_g, self._config.grpo)

    def _set_advantages(self, groups: list[Question], found: dict[str, float]):
        count = max(found["kept"] * self._config.grpo.group, 2)
        variance = (found["squares"] - found["kept sum"] ** 2 / count) / (count - 1)
        for group in groups:
            (group.advantages_g,) = self._advantages(
                group.rewards_g[None], self._config.grpo.advantage, max(variance, 0) ** 0.5
            )

    def _packed(self, groups: list[Question]) -> list[Batch]:
        """Parts of equal shapes, as many as in every other process; the last may be empty rows."""
        grpo = self._config.grpo
        examples = [e for g in groups for e in examples_of(g, grpo, self._row, self._extra)]
        parts = []
        if examples:
            stream = grain.MapDataset.source(examples).to_iter_dataset()
            # Every row stays open until nothing is left: there are few.
            packed = pack(
                stream,
                rows=self._rows,
                shape=self._row,
                units=self._units,
                bins=len(examples),
                extra_targets=self._extra,
            )
            for part in packed:
                del part["ids"]
                parts.append(fill_up(part, self._rows))
        shapes = batch_shapes(self._rows, self._row, self._patch_shape, self._extra)
        empty = {n: np.full(s.shape, feature(n).padding, s.dtype) for n, s in shapes.items()}
        counts = gathered({"parts/max": len(parts)})
        return parts + [empty] * (max(1, int(counts["parts/max"])) - len(parts))

    def _fill_in(self, name: str, params, parts: list[Batch]):
        for part in parts:
            part[name] = self._score(params, part)

    def _figures(self, found: dict[str, float], clock: "Clock") -> dict[str, float]:
        responses, groups = found["responses"], found["groups"]
        figures = {
            "reward": found["reward"] / responses,
            "reward_std": found["spread"] / groups,
            "truncated": found["cut"] / responses,
            "length/mean": found["tokens"] / responses,
            "length/ended": found["ended tokens"] / max(responses - found["cut"], 1),
            "length/max": found["length/max"],
            "groups/drawn": groups,
            "groups/without_variance": found["even"] / groups,
            "groups/kept": found["kept"],
            "responses_per_second": responses / clock.seconds["rollout"],
        }
        for key, count in found.items():
            if key.startswith("count ") and count:
                name = key.removeprefix("count ")
                figures[name] = found[f"sum {name}"] / count
        return figures


def examples_of(
    group: Question, grpo, row: RowShape, extra_targets: Sequence[str]
) -> list[dict[str, np.ndarray]]:
    """The group as rows hold it: in one piece, or in several that share no trunk.

    grpo: config.grpo. What nobody knows yet is 0.
    """
    prompt = group.prompt
    taken = [
        (response, advantage)
        for response, advantage in zip(group.responses, group.advantages_g, strict=True)
        if response.ended or not grpo.mask_truncated
    ]
    if not taken:
        return []
    tokens = [np.asarray([*r.tokens, r.end][: len(r.logps)], np.int32) for r, _ in taken]
    lengths = np.asarray([len(each) for each in tokens])
    size = Size(len(prompt["tokens"]) - 1, len(prompt["tile_images"]), tuple(lengths))
    found = []
    for _, first, end in slices([size], row):
        some, count = slice(first, end), lengths[first:end]
        weights = np.ones(len(count)) if grpo.aggregation == "tokens" else 1 / count
        advantages = [advantage for _, advantage in taken[some]]
        logps = np.concatenate([response.logps for response, _ in taken[some]])
        nothing = np.zeros(count.sum(), np.float32)
        example = {"id": group.record["id"], **add_branches(prompt, tokens[some])}
        example |= dict.fromkeys(extra_targets, nothing) | {
            "target_weights": np.repeat(weights, count).astype(np.float32),
            "advantages": np.repeat(advantages, count).astype(np.float32),
            "sampler_logps": logps.astype(np.float32),
        }
        found.append(example)
    return found


def overlong(lengths_g: np.ndarray, grpo) -> np.ndarray:
    """What responses of these lengths lose: nothing up to config.grpo.overlong_buffer tokens before
    max_tokens, from there evenly up to overlong_penalty (DAPO, arXiv 2503.14476, equation 13)."""
    if not grpo.overlong_buffer:
        return np.zeros(len(lengths_g))
    over_g = lengths_g - (grpo.max_tokens - grpo.overlong_buffer)
    return grpo.overlong_penalty * np.clip(over_g / grpo.overlong_buffer, 0, 1)


COUNTS = (
    *("groups", "responses", "reward", "spread", "even", "cut", "tokens", "ended tokens"),
    "length/max",
)


def add_up(group: Question, counts: dict[str, float]):
    """Adds what a group is to counts."""
    lengths_g, rewards_g = group.lengths_g, group.rewards_g
    ended_g = np.asarray([response.ended for response in group.responses])
    task = f"reward/{task_name(group.record)}"
    for name, value in {
        "groups": 1,
        "responses": len(lengths_g),
        "reward": rewards_g.sum(),
        "spread": rewards_g.std(ddof=1),
        "even": np.ptp(rewards_g) == 0,
        "cut": (~ended_g).sum(),
        "tokens": lengths_g.sum(),
        "ended tokens": lengths_g[ended_g].sum(),
        f"sum {task}": rewards_g.sum(),
        f"count {task}": len(rewards_g),
    }.items():
        counts[name] += float(value)
    counts["length/max"] = max(counts["length/max"], float(lengths_g.max()))


def gathered(counts: Mapping[str, float]) -> dict[str, float]:
    """Sums over the processes, which all have these names; of ".../max" the largest."""
    values = np.asarray(list(counts.values()), np.float64)
    if jax.process_count() == 1:
        of_processes = values[None]
    else:  # bit by bit: jax would make float32 of them
        bits = multihost_utils.process_allgather(values.view(np.uint32))
        of_processes = np.ascontiguousarray(bits).view(np.float64)
    return {
        name: float(column.max() if name.endswith("/max") else column.sum())
        for name, column in zip(counts, of_processes.T, strict=True)
    }


class Clock:
    """Seconds that were spent on things, by their names."""

    def __init__(self):
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str):
        began = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began


def shown(group: Question) -> tuple[str, np.ndarray | None, str]:
    """(name, picture, text) of a group, as TensorBoard shows it."""
    picture = next(map(np.asarray, open_pictures(group.record)), None)
    scored = zip(group.rewards_g, group.advantages_g, group.texts, strict=True)
    texts = [f"---> {reward:g} (advantage {a:.3g})\n\n{text}" for reward, a, text in scored]
    return "rollout", picture, "\n\n".join([group.text, *texts])
