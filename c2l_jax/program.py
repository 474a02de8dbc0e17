"""A run's settings as programs and shapes: what is compiled, before anything is loaded.

`build` needs config.json of the model and a mesh, whose devices nobody has to have: training,
benchmarks and plans of a run's memory all take the step from here.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from c2l_jax.data.layout import RowShape, batch_shapes
from c2l_jax.models import family_of, weights
from c2l_jax.models.config import ModelConfig
from c2l_jax.models.layers import Compute
from c2l_jax.models.lora import LoRA, is_adapter, merged, partition_table
from c2l_jax.models.params import flatten, merge
from c2l_jax.objectives import Objective
from c2l_jax.optimizer import Update, make_optimizer, rate_scales, schedule, updating
from c2l_jax.sharding import ROWS, like_parameters, parameter_shardings

State = dict[str, dict]  # {params, opt_state}
Totals = dict[str, dict]  # {grads, sums}: of a step's parts up to here


@dataclasses.dataclass(frozen=True)
class Program:
    """What `build` makes.

    shapes, places: of the parameters. trained: paths of those that are updated.
    lora: the adapters, if there are any; then only they are trained.
    accumulates: whether a step may have several parts.
    state: shapes of {params, opt_state} with their places. batch: shapes of one part with theirs.
    rate: number of an update -> learning rate.
    init_state: jitted, params of a model directory (used up) -> state, with new adapters.
    plain: jitted, params (used up) -> those of a model directory, with the adapters in them.
    accumulate: jitted, (params, totals or None, part) -> totals. Totals are used up.
    apply: jitted, (state, totals) -> (state, metrics). The state is used up.
    evaluate: jitted, (params, part) -> sums of what the objective logs, and of their weight.
    """

    family: ModuleType
    model_config: ModelConfig
    shapes: dict[str, jax.ShapeDtypeStruct]
    places: dict[str, NamedSharding]
    trained: frozenset[str]
    lora: LoRA | None
    accumulates: bool
    state: State
    batch: dict[str, jax.ShapeDtypeStruct]
    rate: Callable[[int], float]
    init_state: Callable
    plain: Callable
    accumulate: Callable
    apply: Callable
    evaluate: Callable


def build(config: ConfigDict, objective: Objective, mesh: Mesh) -> Program:
    """The programs of a run. Raises UserError for settings that don't fit the model."""
    family = family_of(config.model)
    model_config = family.Config.from_directory(config.model)
    compute = Compute(config.compute_dtype, config.remat, config.attention, mesh=mesh)
    dtype, lora = jnp.dtype(config.param_dtype), LoRA.of(config.lora)
    graphdef, shapes = weights.abstract(model_config, compute, dtype, lora)
    table = partition_table(family.PARTITION_TABLE, shapes)
    places = parameter_shardings(mesh, table, shapes)
    scales = rate_scales(shapes, config.optimizer.lr_scale)
    if lora:
        scales = {path: scale * is_adapter(path) for path, scale in scales.items()}
    trained = frozenset(path for path, scale in scales.items() if scale > 0)
    updates = config.steps * config.updates
    optimizer = make_optimizer(config.optimizer, updates, scales, family.NO_DECAY)
    update = updating(optimizer, dtype)
    loss = make_loss(graphdef, objective, config)
    accumulates = objective.ANY_PARTS or config.accumulation > 1

    def init_state(params):
        if lora:
            made = weights.create(model_config, compute, nnx.Rngs(config.seed), dtype, lora)
            new = flatten(nnx.state(made))
            params = params | {path: new[path] for path in new if is_adapter(path)}
        return {"params": params, "opt_state": update.init(_only(params, trained))}

    abstract = jax.eval_shape(init_state, shapes)
    state_places = like_parameters(mesh, abstract, places)
    by_row = NamedSharding(mesh, PartitionSpec(ROWS))
    data = config.data
    part = batch_shapes(
        data.rows // config.accumulation,
        RowShape(data.row_tokens, data.row_targets, data.row_tiles),
        family.pictures(config.model).patch_shape,
        objective.EXTRA_TARGETS,
    )

    def evaluate(params, batch):
        return loss(params, batch)[1]

    return Program(
        family=family,
        model_config=model_config,
        shapes=shapes,
        places=places,
        trained=trained,
        lora=lora,
        accumulates=accumulates,
        state=jax.tree.map(_placed, abstract, state_places),
        batch={name: _placed(shape, by_row) for name, shape in part.items()},
        rate=schedule(config.optimizer, updates),
        init_state=jax.jit(init_state, out_shardings=state_places, donate_argnums=0),
        plain=jax.jit(
            lambda params: merged(params, lora),
            out_shardings={path: place for path, place in places.items() if not is_adapter(path)},
            donate_argnums=0,
        ),
        accumulate=jax.jit(
            # Of one part as the parameters are, which bfloat16 gradients can be; sums in float32.
            make_accumulate(loss, trained, jnp.float32 if accumulates else dtype),
            out_shardings={"grads": _only(places, trained), "sums": None},
            donate_argnums=1,
        ),
        apply=jax.jit(make_apply(update), out_shardings=(state_places, None), donate_argnums=0),
        evaluate=jax.jit(evaluate),
    )


class Step:
    """One update from its parts, compiled ahead of time: another shape is an error, no pause.

    first, more, apply: the compiled accumulate of the first part and of others (None if there is
    one part only), and apply. totals: shapes of what lies between them, with their places.
    """

    def __init__(self, program: Program):
        params, batch = program.state["params"], program.batch
        self.first = program.accumulate.lower(params, None, batch).compile()
        totals = self.totals = jax.tree.map(
            lambda shape, place: jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=place),
            self.first.out_info,
            self.first.output_shardings,
        )
        self.more = None
        if program.accumulates:
            self.more = program.accumulate.lower(params, totals, batch).compile()
        self.apply = program.apply.lower(program.state, totals).compile()

    def __call__(self, state, parts: Iterable):
        """(state, metrics) after the parts, which are computed one after the other."""
        totals = None
        for part in parts:
            if totals is None:
                totals = self.first(state["params"], None, part)
            else:
                totals = self.more(state["params"], totals, part)
        return self.apply(state, totals)


def make_loss(graphdef: nnx.GraphDef, objective: Objective, config: ConfigDict) -> Callable:
    """(params, batch) -> (loss sum, sums of what is logged); params are cast to compute in."""
    dtype = jnp.dtype(config.compute_dtype)

    def loss(params, batch):
        cast = {path: p.astype(dtype) for path, p in params.items()}
        total, weight, metrics = objective.loss(merge(graphdef, cast), batch, config)
        return total, {"loss": total, "weight": weight, **metrics}

    return loss


def make_accumulate(loss: Callable, trained: frozenset[str], dtype=jnp.float32) -> Callable:
    """(params, totals or None, part) -> totals with the part's gradients, in `dtype`, and sums."""

    def accumulate(params, totals, batch):
        frozen = {path: p for path, p in params.items() if path not in trained}
        grads, sums = jax.grad(lambda masters: loss(frozen | masters, batch), has_aux=True)(
            _only(params, trained)
        )
        grads = {path: g.astype(dtype) for path, g in grads.items()}
        found = {"grads": grads, "sums": sums | {"tokens": (batch["segments"] > 0).sum()}}
        if totals is None:
            return found
        sums = {
            name: joined(name, value, found["sums"][name]) for name, value in totals["sums"].items()
        }
        return {"grads": jax.tree.map(jnp.add, totals["grads"], found["grads"]), "sums": sums}

    return accumulate


def joined(name: str, one, other):
    """A figure of two parts: those that are called ".../max" are the largest, others sums."""
    return jnp.maximum(one, other) if name.endswith("/max") else one + other


def means(sums: Mapping[str, jax.Array], weight) -> dict[str, jax.Array]:
    """A step's figures; the largest of anything is no sum, and stays."""
    return {n: total if n.endswith("/max") else total / weight for n, total in sums.items()}


def make_apply(update: Update) -> Callable:
    """(state, totals) -> (state, metrics): the update, by what all parts add up to."""

    def apply(state, totals):
        sums = dict(totals["sums"])
        tokens = sums.pop("tokens")
        # One division at the end: parts and rows count by their weight, not by their number.
        weight = jnp.maximum(sums.pop("weight"), 1.0)
        grads = jax.tree.map(lambda g: g.astype(jnp.float32) / weight, totals["grads"])
        masters = _only(state["params"], grads)
        masters, opt_state = update.apply(grads, state["opt_state"], masters)
        metrics = means(sums, weight) | {"grad_norm": optax.tree.norm(grads), "tokens": tokens}
        return {"params": state["params"] | masters, "opt_state": opt_state}, metrics

    return apply


def _only(params: Mapping, paths) -> dict:
    return {path: params[path] for path in sorted(paths)}


def _placed(shape: jax.ShapeDtypeStruct, place: NamedSharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=place)
