"""Writing responses with a key-value cache, in the trunk-and-branch layout of training.

There are Q rows of N lanes. A row holds the trunk of one prompt (the prompt without its last token,
pictures included), computed once for all its samples; a lane writes one sample, a branch that
starts with the prompt's last token. A lane that is done takes the next sample of its row, a row
that is done the next prompt. Shapes are static: `insert_prompts` and `write_tokens` are compiled
once for a data set.

The host looks at the lanes after every segment of K tokens and refills them then, and only then.
So token i of any sample is computed in step i mod K of a segment, and all lanes write to the same
place, slot i mod K of the running segment's cache. The segment's end moves that to its own place in
the cache of finished segments, which no step changes. What is summed, and in which order, is then
the same whenever and beside whatever a sample is written.

A random draw depends on (seed, prompt number, sample number, token number) alone.
"""

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from c2l_jax.data.layout import RowShape, batch_shapes, on_axis, one_a_row
from c2l_jax.models.config import ModelConfig
from c2l_jax.models.layers import Compute
from c2l_jax.models.params import merge, unstack
from c2l_jax.models.weights import abstract
from c2l_jax.ops.logprobs import policy_logits
from c2l_jax.sharding import ROWS, put_batch
from records.errors import UserError

_CHUNK = 128  # tokens of the vocabulary whose probabilities are summed before one is drawn
# Segments, at least, in a block of the cache. Blocks that no lane has reached aren't read.
BLOCK = 4
SEGMENT = 16  # tokens between two looks at the lanes; a response wastes half of them on average


@dataclasses.dataclass(frozen=True)
class PromptShape:
    """What every prompt is padded to."""

    tokens: int  # of the trunk
    tiles: int

    @classmethod
    def that_fits(cls, sizes: Iterable[tuple[int, int]]) -> "PromptShape":
        """The smallest shape for prompts of these (tokens, tiles); tokens rounded up to 32."""
        tokens, tiles = (max(column) for column in zip(*sizes, strict=True))
        return cls(-(-(tokens - 1) // 32) * 32, tiles)


@dataclasses.dataclass(frozen=True)
class Response:
    tokens: list[int]  # without the end token
    logps: list[float]  # of every token and the end token, under the model at temperature 1
    end: int | None  # the end token; None where max_tokens cut it off

    @property
    def ended(self) -> bool:
        return self.end is not None

    @property
    def logp(self) -> float:
        """Of the whole response, its end token included."""
        return math.fsum(self.logps)


def prompt_rows(prompts: Sequence[dict | None], shape: PromptShape) -> dict[str, np.ndarray]:
    """Trunks of prompts, as from `Processor.prompt`, to the model's batch, one a row; None: empty.

    At least one must be there. Raises UserError for one that does not fit.
    """
    trunks = []
    for prompt in prompts:
        trunk = None
        if prompt:
            length = len(prompt["tokens"]) - 1
            on_tokens = prompt.keys() & set(on_axis("tokens"))
            trunk = prompt | {name: prompt[name][:length] for name in on_tokens}
            used = len(prompt["tile_images"])
            if length > shape.tokens or used > shape.tiles:
                raise UserError(
                    f"a prompt of {length} tokens and {used} tiles does not fit in {shape}."
                )
        trunks.append(trunk)
    row = RowShape(shape.tokens, 0, shape.tiles)
    return one_a_row(trunks, row, axes=("tokens", "tiles"))


# ------------------------------------------------------------------------------ drawing a token


def truncate(logits: jax.Array, top_k: int, top_p: float) -> jax.Array:
    """Logits [..., V] with -inf for the tokens that must not be drawn.

    First only the `top_k` likeliest tokens stay (0: all), then of these the fewest whose
    probabilities, made to sum to 1 again, reach `top_p`; the likeliest always stays. Tokens as
    likely as the last that stays, stay. This is the order of transformers, where the temperature
    has divided the logits before. `top_p` alone sorts the whole vocabulary.
    """
    if not top_k and top_p >= 1:
        return logits
    vocabulary = logits.shape[-1]
    best, _ = jax.lax.top_k(logits, min(top_k or vocabulary, vocabulary))  # descending
    probabilities = jax.nn.softmax(best, -1)
    before = jnp.cumsum(probabilities, -1) - probabilities
    stays = (before < top_p).at[..., 0].set(True)
    least = jnp.where(stays, best, jnp.inf).min(-1, keepdims=True)
    return jnp.where(logits >= least, logits, -jnp.inf)


def draw(
    logits_qnv: jax.Array, keys_qn: jax.Array, temperature: float, top_k: int, top_p: float
) -> tuple[jax.Array, jax.Array]:
    """Tokens [Q, N] int32, and their log-probabilities at temperature 1, of all tokens, float32."""
    if temperature == 0:
        tokens_qn = _likeliest(logits_qnv)
    else:
        logits = truncate(logits_qnv / temperature, top_k, top_p)
        tokens_qn = token_at(logits, jax.vmap(jax.vmap(jax.random.uniform))(keys_qn))
    logits_qn = jnp.take_along_axis(logits_qnv, tokens_qn[..., None], -1)[..., 0]
    return tokens_qn.astype(jnp.int32), logits_qn - jax.nn.logsumexp(logits_qnv, -1)


def token_at(logits: jax.Array, shares: jax.Array) -> jax.Array:
    """The tokens [...] at which the running sums of softmax(logits [..., V]) pass shares [...].

    For shares drawn from [0, 1) these are draws from the distribution. They take one random number
    a token; noise on every logit (jax.random.categorical) takes V, a third of a step on a CPU.
    """
    padding = [(0, 0)] * (logits.ndim - 1) + [(0, -logits.shape[-1] % _CHUNK)]
    logits = jnp.pad(logits, padding, constant_values=-jnp.inf)
    weights = jnp.exp(logits - logits.max(-1, keepdims=True))
    # First which chunk, then which token of it: short sums are fast, and their rounding is small.
    chunks = weights.reshape(*weights.shape[:-1], -1, _CHUNK)
    sums = chunks.sum(-1)
    chunk, rest = _passed(sums, shares * sums.sum(-1))
    inside = jnp.take_along_axis(chunks, chunk[..., None, None], -2)[..., 0, :]
    return chunk * _CHUNK + _passed(inside, rest)[0]


def _passed(weights: jax.Array, target: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The first place of weights [..., W] where their running sum is more than target [...], and
    how far into its weight. Never a place of weight 0; the last other one if rounding leaves none.
    """
    ends, count = jnp.cumsum(weights, -1), weights.shape[-1]
    is_passed = (ends > target[..., None]) & (weights > 0)
    last = jnp.where(weights > 0, jnp.arange(count), 0).max(-1)
    place = jnp.minimum(_first(is_passed), last)
    before = jnp.take_along_axis(ends - weights, place[..., None], -1)[..., 0]
    return place, target - before


def _likeliest(logits: jax.Array) -> jax.Array:
    """The first of the highest; a row of NaN gives the last token."""
    is_top = logits == logits.max(-1, keepdims=True)
    return jnp.minimum(_first(is_top), logits.shape[-1] - 1)


def _first(is_it: jax.Array) -> jax.Array:
    """The first place of is_it [..., W] that is true; W where none is.

    As argmax, which XLA's CPU backend has without vector instructions.
    """
    count = is_it.shape[-1]
    return jnp.where(is_it, jnp.arange(count), count).min(-1)


# ------------------------------------------------------------------------ what the host keeps


@dataclasses.dataclass
class _Lane:
    """A sample that is being written."""

    sample: int
    tokens: list[int] = dataclasses.field(default_factory=list)
    logps: list[float] = dataclasses.field(default_factory=list)


class _Row:
    """A prompt that is being answered."""

    def __init__(self, number: int, prompt: dict, n: int, lanes: int):
        self.number = number
        self.last_token = int(prompt["tokens"][-1])
        self.last_position = prompt["next_position"] - 1
        self.lanes: list[_Lane | None] = [None] * lanes
        self.responses: list[Response | None] = [None] * n
        self._waiting = iter(range(n))

    def refill(self):
        for lane, busy in enumerate(self.lanes):
            if not busy and (sample := next(self._waiting, None)) is not None:
                self.lanes[lane] = _Lane(sample)

    def collect(
        self, tokens_nk: np.ndarray, logps_nk: np.ndarray, ends: Sequence[int], max_tokens: int
    ):
        """Takes in what a segment wrote; -1 where a lane had ended before."""
        for number, lane in enumerate(self.lanes):
            if lane is None:
                continue
            new = tokens_nk[number] >= 0
            lane.tokens += tokens_nk[number, new].tolist()
            lane.logps += logps_nk[number, new].tolist()
            ended = lane.tokens[-1] in ends
            if ended or len(lane.tokens) == max_tokens:
                tokens, end = (lane.tokens[:-1], lane.tokens[-1]) if ended else (lane.tokens, None)
                self.responses[lane.sample] = Response(tokens, lane.logps, end)
                self.lanes[number] = None

    def is_done(self) -> bool:
        return None not in self.responses


def _lane_arrays(rows: Sequence[_Row | None], lanes: int) -> dict[str, np.ndarray]:
    """What a segment starts from: numbers, last_positions [Q]; tokens, ages, samples [Q, N] int32
    and active [Q, N] bool.

    A lane's token is the one that is read next, its age how many it has written.
    """
    arrays = {name: np.zeros(len(rows), np.int32) for name in ("numbers", "last_positions")}
    for name in ("tokens", "ages", "samples"):
        arrays[name] = np.zeros((len(rows), lanes), np.int32)
    arrays["active"] = np.zeros((len(rows), lanes), bool)
    for q, row in ((q, row) for q, row in enumerate(rows) if row):
        arrays["numbers"][q], arrays["last_positions"][q] = row.number, row.last_position
        for n, lane in ((n, lane) for n, lane in enumerate(row.lanes) if lane):
            arrays["tokens"][q, n] = lane.tokens[-1] if lane.tokens else row.last_token
            arrays["ages"][q, n] = len(lane.tokens)
            arrays["samples"][q, n] = lane.sample
            arrays["active"][q, n] = True
    return arrays


# ---------------------------------------------------------------------------------- the engine


class Sampler:
    """Writes n responses to each of many prompts, on all devices of one process.

    Args:
      config, compute: of the model; scan_layers is not asked for here.
      shape: what the longest prompt fits in.
      end_tokens: any of them ends a response and is not part of its text.
      max_tokens: where a response is cut off; its end token counts.
      rows: Q, prompts at a time; a multiple of the devices that share them (data x fsdp).
      lanes: N, samples of a prompt at a time. Fewer than n keep busy when lengths differ.
      temperature: 0 takes the likeliest token; `top_k`, `top_p`: see `truncate`.
      forbidden: tokens that are as good as not in the vocabulary.
      tempered: log-probabilities are those of the model at `temperature`, not at 1.
    """

    def __init__(
        self,
        config: ModelConfig,
        compute: Compute,
        *,
        mesh: jax.sharding.Mesh,
        shape: PromptShape,
        end_tokens: Sequence[int],
        max_tokens: int,
        rows: int,
        lanes: int = 1,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        forbidden: Sequence[int] = (),
        tempered: bool = False,
    ):
        separate = dataclasses.replace(compute, scan_layers=False)
        self._graphdef, _ = abstract(config, separate)
        self._mesh, self._shape = mesh, shape
        self._ends, self._max_tokens, self._rows, self._lanes = end_tokens, max_tokens, rows, lanes
        self._forbidden = tuple(forbidden)
        self._scale, temperature = (temperature, 1.0) if tempered else (1.0, temperature)
        self._draw = functools.partial(draw, temperature=temperature, top_k=top_k, top_p=top_p)
        self._shares = mesh.shape["data"] * mesh.shape["fsdp"]
        if rows < 1 or lanes < 1 or rows % self._shares:
            raise ValueError(f"{rows} rows of {lanes} lanes on {self._shares} devices")
        self._segment = min(SEGMENT, max_tokens)
        by_row = self._by_row = NamedSharding(mesh, PartitionSpec(ROWS))
        self._insert = jax.jit(self.insert_prompts, donate_argnums=1, out_shardings=by_row)
        self._write = jax.jit(self.write_tokens, donate_argnums=2, out_shardings=by_row)
        self._empty = jax.jit(self.empty_caches, out_shardings=by_row)

    def prepare(self, params: dict[str, jax.Array], consume: bool = False) -> dict[str, jax.Array]:
        """Parameters as `run` wants them, from those of training (adapters merged, if any).

        consume: takes the memory of `params`, so that the weights are there once.
        """
        return unstack(params, consume)

    def run(
        self, params: dict[str, jax.Array], prompts: Iterable[tuple[int, dict]], n: int, seed: int
    ) -> Iterator[tuple[int, list[Response]]]:
        """Yields (number, its n responses) as prompts are completed, in no particular order.

        Args:
          params: from `prepare`.
          prompts: (number, prompt as from `Processor.prompt`); taken as rows become free. The
            random draws depend on the number, not on the place.
        """
        prompts, key = iter(prompts), jax.random.key(seed)
        rows: list[_Row | None] = [None] * self._rows
        trunk, branch_cache = self._empty(params)
        while True:
            trunk = self._fill(params, rows, trunk, prompts, n)
            if not any(rows):
                return
            for row in filter(None, rows):
                row.refill()
            lanes = put_batch(self._mesh, _lane_arrays(rows, self._lanes))
            branch_cache, *written = self._write(params, trunk, branch_cache, lanes, key)
            tokens_qnk, logps_qnk = jax.device_get(written)
            for q, row in enumerate(rows):
                if row is None:
                    continue
                row.collect(tokens_qnk[q], logps_qnk[q], self._ends, self._max_tokens)
                if row.is_done():
                    rows[q] = None
                    yield row.number, row.responses

    def _fill(
        self, params: dict, rows: list[_Row | None], trunk: dict, prompts: Iterator, n: int
    ) -> dict:
        """Gives free rows the next prompts, on every device one at a time; returns the trunk."""
        share = self._rows // self._shares
        while True:
            taken, is_new = [None] * self._shares, np.zeros(self._rows, bool)
            for part in range(self._shares):
                free = [q for q in range(part * share, (part + 1) * share) if rows[q] is None]
                if free and (following := next(prompts, None)):
                    number, taken[part] = following
                    rows[free[0]] = _Row(number, taken[part], n, self._lanes)
                    is_new[free[0]] = True
            if not is_new.any():
                return trunk
            batch = put_batch(self._mesh, prompt_rows(taken, self._shape) | {"is_new": is_new})
            trunk = self._insert(params, trunk, batch)

    def trace(
        self, params: dict[str, jax.ShapeDtypeStruct], patch_shape: tuple[int, int]
    ) -> tuple[jax.stages.Traced, jax.stages.Traced]:
        """`insert_prompts` and `write_tokens` as `run` calls them, to be compiled without data.

        params: shapes of what `prepare` makes, with their places. patch_shape: of a tile.
        """
        row = RowShape(self._shape.tokens, 0, self._shape.tiles)
        batch = batch_shapes(self._shares, row, patch_shape)
        batch = {name: batch[name] for axis in ("tokens", "tiles") for name in on_axis(axis)}
        batch["segments"] = batch["tokens"]
        batch["is_new"] = jax.ShapeDtypeStruct((self._rows,), bool)
        lanes = _lane_arrays([None] * self._rows, self._lanes)
        caches = jax.eval_shape(self.empty_caches, params)
        (trunk, branch_cache), batch, lanes = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=self._by_row),
            (caches, batch, lanes),
        )
        key = jax.eval_shape(jax.random.key, 0)
        return (
            self._insert.trace(params, trunk, batch),
            self._write.trace(params, trunk, branch_cache, lanes, key),
        )

    def empty_caches(self, params):
        """trunk {cache, mask [Q, T]} and the cache of finished segments, blocks of [Q, N, R]."""
        model, tokens = merge(self._graphdef, params), self._shape.tokens
        cache = model.empty_cache(self._rows, length=tokens)
        trunk = {"cache": cache, "mask": jnp.zeros((self._rows, tokens), bool)}
        segments = math.ceil(self._max_tokens / self._segment)
        block = min(segments, max(BLOCK, math.ceil(segments / 8)))  # at most eight
        lanes, length = (self._rows, self._lanes), block * self._segment
        return trunk, [model.empty_cache(*lanes, length=length) for _ in range(0, segments, block)]

    def insert_prompts(self, params, trunk: dict, batch: dict) -> dict:
        """The trunk with one prompt of each device in that of its rows where is_new [Q] is true.

        A prompt is computed alone, so that its numbers don't depend on the number of rows.
        """
        batch = dict(batch)
        is_new = batch.pop("is_new")
        _, cache = merge(self._graphdef, params).prefill(batch)

        def put(old, new):
            share = (self._shares, self._rows // self._shares, *new.shape[1:])
            spread = jnp.broadcast_to(new[:, None], share).reshape(old.shape)
            return jnp.where(is_new.reshape(-1, *[1] * (old.ndim - 1)), spread, old)

        return jax.tree.map(put, trunk, {"cache": cache, "mask": batch["segments"] > 0})

    def write_tokens(self, params, trunk, branch_cache, lanes, key):
        """One segment: up to K more tokens in every active lane.

        Returns the branch cache, tokens int32 and their log-probabilities float32 [Q, N, K]; the
        tokens are -1 where a lane had ended before. Stops when all lanes have.
        """
        model = merge(self._graphdef, params)
        ages_qn, fold_in = lanes["ages"], jax.random.fold_in
        keys_q = jax.vmap(fold_in, (None, 0))(key, lanes["numbers"])
        keys_qn = jax.vmap(jax.vmap(fold_in, (None, 0)))(keys_q, lanes["samples"])
        count, length = self._segment, branch_cache[0][0][0].shape[-1]
        blocks = [(block, i * length + jnp.arange(length)) for i, block in enumerate(branch_cache)]
        finished = [(block, slots < ages_qn[..., None]) for block, slots in blocks]
        parts = [(trunk["cache"], trunk["mask"]), *finished]

        def goes_on(carry):
            step, _, active_qn, *_ = carry
            return (step < count) & active_qn.any()

        def write_token(carry):
            step, tokens_qn, active_qn, running, written = carry
            positions_qn = lanes["last_positions"][:, None] + ages_qn + step
            logits_qnv, running = model.decode(
                tokens_qn,
                jnp.repeat(positions_qn[..., None], 3, axis=2),
                parts,
                running,
                jnp.broadcast_to(jnp.arange(count) <= step, (*ages_qn.shape, count)),
                step,
            )
            draws_qn = jax.vmap(jax.vmap(fold_in))(keys_qn, ages_qn + step)
            logits_qnv = policy_logits(logits_qnv, self._scale, self._forbidden)
            tokens_qn, logps_qn = self._draw(logits_qnv, draws_qn)
            now = (jnp.where(active_qn, tokens_qn, -1), jnp.where(active_qn, logps_qn, 0.0))
            written = tuple(
                jax.lax.dynamic_update_slice_in_dim(whole, part[..., None], step, axis=2)
                for whole, part in zip(written, now, strict=True)
            )
            for end in self._ends:
                active_qn &= tokens_qn != end
            active_qn &= ages_qn + step + 1 < self._max_tokens
            return step + 1, tokens_qn, active_qn, running, written

        empty = jnp.full((*ages_qn.shape, count), -1, jnp.int32), jnp.zeros((*ages_qn.shape, count))
        # With one axis for lanes and heads: see `decode`.
        running = model.empty_cache(*ages_qn.shape, length=count)
        running = jax.tree.map(lambda x: x.reshape(-1, *x.shape[-2:]), running)
        start = jnp.zeros((), jnp.int32), lanes["tokens"], lanes["active"], running, empty
        *_, running, (tokens_qnk, logps_qnk) = jax.lax.while_loop(goes_on, write_token, start)

        cache = [_settle(old, running, slots, ages_qn, count) for old, slots in blocks]
        return cache, tokens_qnk, logps_qnk


def _settle(block, running, slots, ages_qn, count: int):
    """The block of the cache, of these slots, with the running segment where it is a lane's own."""
    is_own = slots // count == ages_qn[..., None] // count
    repeats = len(slots) // count

    def put(old, new):
        (old_keys, old_values), (keys, values) = old, new
        keys = keys.reshape(*old_keys.shape[:-1], count)
        values = values.reshape(*old_values.shape[:-2], count, -1)
        is_own_k, is_own_v = is_own[:, :, None, None], is_own[:, :, None, :, None]
        return (
            jnp.where(is_own_k, jnp.tile(keys, repeats), old_keys),
            jnp.where(is_own_v, jnp.tile(values, (repeats, 1)), old_values),
        )

    def put_all(block):
        return [put(*both) for both in zip(block, running, strict=True)]

    return jax.lax.cond(is_own.any(), put_all, lambda block: block, block)
