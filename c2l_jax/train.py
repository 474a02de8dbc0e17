"""Trains a Qwen2.5-VL model on a data set of questions.

  python -m c2l_jax.train --config configs/sft.py --workdir runs/first \\
      --config.model=MODEL_DIR --config.data.path=DATASET_DIR [--config.KEY=VALUE ...]

MODEL_DIR is a Hugging Face Qwen2.5-VL directory (or one made by `python -m c2l_jax.init_model`),
DATASET_DIR is made by `python -m synth generate`. configs/forkme.py explains every setting. The
same command again resumes where the newest checkpoint left off: on equal devices, and on CPUs with
as many threads, to the bit. Watch a run with `tensorboard --logdir runs`; its settings,
checkpoints, metrics.jsonl, summary.json and, at the end, the trained model as a Hugging Face
directory (model/) are in the working directory.
"""

import contextlib
import importlib
import itertools
import json
import logging
import math
import signal
import time
import traceback
from pathlib import Path

import absl
import absl.logging
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from absl import app, flags
from jax.experimental import multihost_utils
from ml_collections import ConfigDict, config_flags

from c2l_jax.checkpoint import Checkpoints, write_config
from c2l_jax.data.layout import RowShape
from c2l_jax.data.packing import training_batches
from c2l_jax.data.pictures import open_picture
from c2l_jax.data.processor import Processor
from c2l_jax.data.records import open_split
from c2l_jax.errors import UserError, exit_on_user_error
from c2l_jax.metrics import Metrics
from c2l_jax.models.params import flatten, merge, unflatten
from c2l_jax.models.qwen2_5_vl import weights
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.optimizer import make_optimizer, rate_scales, schedule
from c2l_jax.paths import anywhere, output_folder, remove_folder, replace_text
from c2l_jax.sharding import like_parameters, make_mesh, parameter_shardings, put_batch

BAD_FLAG = (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError)
OBJECTIVES = ("sft", "dpo")
AT_LEAST_1 = (
    "steps",
    "log_every",
    "accumulation",
    "logprob_chunk",
    "checkpoint.every",
    "evaluation.batches",
)
CONFIG = config_flags.DEFINE_config_file("config", None, "Program that returns the settings.")
WORKDIR = flags.DEFINE_string("workdir", None, "Where the run lives; the same one resumes it.")


def validate(config: ConfigDict, mesh: jax.sharding.Mesh):
    """Refuses settings that cannot work together, before anything is loaded."""
    if config.objective not in OBJECTIVES:
        raise UserError(
            f"config.objective is {config.objective!r}: it must be one of {', '.join(OBJECTIVES)}."
        )
    for name in AT_LEAST_1:
        if config[name] < 1:
            raise UserError(f"config.{name} is {config[name]}: it must be at least 1.")
    if config.optimizer.clip <= 0:
        raise UserError(
            f"config.optimizer.clip is {config.optimizer.clip}: it must be above 0; inf for none."
        )
    for name in ("model", "data.path"):
        value = config.data.path if name == "data.path" else config.model
        if not value:
            raise UserError(f"config.{name} is not set: add --config.{name}=DIRECTORY.")
    if config.compute_dtype not in ("float32", "bfloat16"):
        raise UserError(f"config.compute_dtype is {config.compute_dtype!r}: float32 or bfloat16.")
    if config.seed < 0:
        raise UserError(f"config.seed is {config.seed}: it must not be negative.")
    parts = config.accumulation * mesh.shape["data"] * mesh.shape["fsdp"]
    if config.data.rows % parts:
        raise UserError(
            f"config.data.rows is {config.data.rows}: it must be a multiple of {parts}, the "
            f"accumulation ({config.accumulation}) times the devices that share the rows."
        )


def make_loss(graphdef, objective, config: ConfigDict):
    """(params, batch) -> (loss sum, sums of what is logged); params are cast to compute in."""
    dtype = jnp.dtype(config.compute_dtype)

    def loss(params, batch):
        cast = {path: p.astype(dtype) for path, p in params.items()}
        model = merge(graphdef, cast, remat=config.remat)
        total, weight, metrics = objective.loss(model, batch, config)
        return total, {"loss": total, "weight": weight, **metrics}

    return loss


def in_parts(function, params, batch, parts: int):
    """function(params, batch) added up over parts of the rows, computed one after the other."""
    if parts == 1:
        return function(params, batch)
    # Every part takes rows from every device.
    split = {k: v.reshape(-1, parts, *v.shape[1:]).swapaxes(0, 1) for k, v in batch.items()}
    first = jax.eval_shape(function, params, jax.tree.map(lambda x: x[0], split))
    zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), first)
    return jax.lax.scan(
        lambda total, part: (jax.tree.map(jnp.add, total, function(params, part)), None),
        zeros,
        split,
    )[0]


def make_train_step(loss, trained: frozenset[str], optimizer, parts: int):
    """The update: (state, batch) -> (state, metrics), with state = {params, opt_state}."""

    def gradients(params, batch):
        frozen = {path: p for path, p in params.items() if path not in trained}
        masters = {path: params[path] for path in sorted(trained)}
        return jax.grad(lambda masters: loss(frozen | masters, batch), has_aux=True)(masters)

    def train_step(state, batch):
        params = state["params"]
        grads, sums = in_parts(gradients, params, batch, parts)
        # One division at the end: parts and rows count by their weight, not by their number.
        weight = jnp.maximum(sums.pop("weight"), 1.0)
        grads = jax.tree.map(lambda g: g / weight, grads)
        masters = {path: params[path] for path in grads}
        updates, opt_state = optimizer.update(grads, state["opt_state"], masters)
        norm = jnp.sqrt(sum(jnp.vdot(g, g) for g in jax.tree.leaves(grads)))
        metrics = {name: total / weight for name, total in sums.items()}
        metrics |= {"grad_norm": norm, "tokens": (batch["segments"] > 0).sum()}
        params = params | {path: p + updates[path] for path, p in masters.items()}
        return {"params": params, "opt_state": opt_state}, metrics

    return train_step


class HeldOut:
    """The objective's figures on a few batches that are never trained on, always the same ones."""

    def __init__(self, loss, batches, config: ConfigDict, mesh):
        @jax.jit
        def eval_step(params, batch):
            return in_parts(lambda p, b: loss(p, b)[1], params, batch, config.accumulation)

        self._step, self._batches, self._mesh = eval_step, batches, mesh
        self._count = config.evaluation.batches
        self.last: dict[str, float] = {}

    def __call__(self, params) -> dict[str, float]:
        """Means over the batches' weight, as "eval/NAME"."""
        totals: dict[str, float] = {}
        for batch in itertools.islice(iter(self._batches), self._count):
            del batch["ids"]
            sums = jax.device_get(self._step(params, put_batch(self._mesh, batch)))
            totals = {name: totals.get(name, 0.0) + float(value) for name, value in sums.items()}
        weight = max(totals.pop("weight"), 1.0)
        self.last = {f"eval/{name}": total / weight for name, total in totals.items()}
        return self.last


def log_samples(metrics: Metrics, split, objective, config: ConfigDict):
    """Pictures, prompts and responses of a few training records, as TensorBoard shows them."""
    for index in range(min(4, len(split))):
        record = split[index]
        for name, text in objective.samples(record, config).items():
            image = np.asarray(open_picture(record)) if "image" in record else None
            metrics.sample(0, f"sample {index} ({name})", image, text)


class Reporter:
    """Fetches a finished step's figures, refuses what is not finite, and logs."""

    def __init__(self, metrics: Metrics, rate, every: int):
        self._metrics, self._rate, self._every = metrics, rate, every
        self._steps = self._tokens = self._examples = 0
        self._last: dict[str, float] = {}
        self.start_clock()

    def start_clock(self):
        self._began = self._mark = time.monotonic()
        self._since = [0, 0.0, 0]  # steps, tokens and examples since the last logged step

    def __call__(self, step: int, values: dict[str, jax.Array], ids: list[str]):
        values = {name: float(value) for name, value in jax.device_get(values).items()}
        if not (math.isfinite(values["loss"]) and math.isfinite(values["grad_norm"])):
            raise UserError(
                f"step {step}: loss {values['loss']}, gradient norm {values['grad_norm']}; the "
                "run stops without saving it. Lower config.optimizer.lr, or look at the records "
                f"of its batch: {', '.join(ids)}."
            )
        examples = len(ids) * jax.process_count()  # packing gives each about as many
        self._since = [
            a + b for a, b in zip(self._since, (1, values.pop("tokens"), examples), strict=True)
        ]
        self._last = values
        self._metrics.advance(step)
        if step % self._every == 0:
            self._log(step, values)

    def _log(self, step: int, values: dict[str, float]):
        now = time.monotonic()
        seconds, (steps, tokens, examples) = now - self._mark, self._since
        self._metrics.scalars(
            step,
            {
                **values,
                "lr": float(self._rate(step - 1)),
                "tokens_per_second": tokens / seconds,
                "examples_per_second": examples / seconds,
                "seconds_per_step": seconds / steps,
            },
        )
        self._settle(now)

    def _settle(self, now: float):
        self._steps += self._since[0]
        self._tokens += self._since[1]
        self._examples += self._since[2]
        self._mark, self._since = now, [0, 0.0, 0]

    @contextlib.contextmanager
    def paused(self):
        """What happens inside takes no time, as far as the speed is concerned."""
        began = time.monotonic()
        yield
        away = time.monotonic() - began
        self._began, self._mark = self._began + away, self._mark + away

    def summary(self) -> dict[str, float]:
        """Totals of what ran here since compilation, over all processes."""
        self._settle(time.monotonic())
        seconds = self._mark - self._began
        return {
            **self._last,
            "examples": self._examples,
            "tokens": self._tokens,
            "tokens_per_second": self._tokens / seconds if seconds else 0.0,
            "seconds_in_steps": seconds,
        }


class StopSignal:
    """Remembers a SIGTERM, which asks a run to save and leave.

    In a cluster jax's own handler agrees with the other processes on the step at which all leave,
    even if only one of them got the signal.
    """

    def __init__(self):
        self._asked = False
        if jax.process_count() == 1:
            signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, signum, frame):
        del signum, frame
        self._asked = True

    def asked(self, step: int) -> bool:
        if jax.process_count() == 1:
            return self._asked
        self._asked = self._asked or multihost_utils.reached_preemption_sync_point(step)
        return self._asked


def main(argv):
    """One straight line from settings to summary; longer than a function should be, on purpose."""
    del argv
    absl.logging.set_verbosity(absl.logging.WARNING)  # Orbax tells of every file
    config, workdir = CONFIG.value, anywhere(WORKDIR.value)
    started = time.monotonic()

    ######################### settings, devices, data, model #########################
    mesh = make_mesh(config.mesh)
    validate(config, mesh)
    output_folder(workdir)
    objective = importlib.import_module(f"c2l_jax.objectives.{config.objective}")
    objective.check(config)
    processor = Processor(config.model)

    def open_batches(split):
        return training_batches(
            objective.groups(split, processor, config, mesh=mesh, workdir=workdir),
            seed=config.seed,
            rows=config.data.rows // jax.process_count(),
            shape=RowShape(
                config.data.row_tokens, config.data.row_targets, config.data.row_windows
            ),
            extra_targets=objective.EXTRA_TARGETS,
            shard=jax.process_index(),
            shards=jax.process_count(),
            threads=config.data.threads,
        )

    split = open_split(config.data.path, config.data.split)
    model_config = Config.from_directory(config.model)
    graphdef, shapes = weights.abstract(model_config)
    shapes = flatten(shapes)
    shardings = parameter_shardings(mesh, weights.PARTITION_TABLE, shapes)
    scales = rate_scales(shapes, config.optimizer.lr_scale)
    trained = frozenset(path for path, scale in scales.items() if scale > 0)
    optimizer = make_optimizer(config.optimizer, config.steps, scales)
    loss = make_loss(graphdef, objective, config)
    held_out = None
    if config.evaluation.every:
        held_out_split = open_split(config.data.path, config.evaluation.split)
        held_out = HeldOut(loss, open_batches(held_out_split)[0], config, mesh)
    batches, fits = open_batches(split)
    write_config(workdir, config)

    #################### state: this run's newest checkpoint, or the model ####################
    def init_state(params):
        masters = {path: params[path] for path in sorted(trained)}
        return {"params": params, "opt_state": optimizer.init(masters)}

    abstract = jax.eval_shape(init_state, shapes)
    places = like_parameters(mesh, abstract, shardings)
    checkpoints = Checkpoints(workdir, config.checkpoint.keep)
    iterator = iter(batches)
    start = checkpoints.latest() or 0
    if start:
        target = jax.tree.map(
            lambda leaf, place: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place),
            abstract,
            places,
        )
        state = checkpoints.restore(start, target, iterator)
        print(f"resuming from step {start}")
    else:
        params = flatten(weights.load(config.model, unflatten(shardings))[1])
        state = jax.jit(init_state, out_shardings=places, donate_argnums=0)(params)
        del params  # donated

    ################################### the update step ###################################
    train_step = jax.jit(
        make_train_step(loss, trained, optimizer, config.accumulation),
        out_shardings=(places, None),
        donate_argnums=0,
    )
    rate = schedule(config.optimizer, config.steps)
    stop = StopSignal()

    ######################################## loop ########################################
    writes = jax.process_index() == 0
    metrics = Metrics(workdir, start=start, steps=config.steps, writes=writes)
    with contextlib.closing(metrics):  # an error is told below the progress bar, not in it
        if not start:
            log_samples(metrics, split, objective, config)
        reporter = Reporter(metrics, rate, config.log_every)
        compiled, waiting, step = None, None, start
        while step < config.steps and not stop.asked(step):
            step += 1
            batch = next(iterator)
            ids = batch.pop("ids")
            batch = put_batch(mesh, batch)
            if compiled is None:
                # Compiled once, ahead of time: a batch of another shape is an error, never a pause.
                compiled = train_step.lower(state, batch).compile()
                reporter.start_clock()
            state, values = compiled(state, batch)
            # The device works on this step while the host reads the last one's figures.
            if waiting:
                reporter(*waiting)
            waiting = (step, values, ids)
            evaluates = held_out and step % config.evaluation.every == 0
            saves = step % config.checkpoint.every == 0
            if evaluates or saves:
                reporter(*waiting)  # no checkpoint of a step that is not finite
                waiting = None
            if evaluates:
                with reporter.paused():
                    metrics.scalars(step, held_out(state["params"]))
            if saves:
                checkpoints.save(step, state, iterator)
        if waiting:
            reporter(*waiting)

    ####################################### finish #######################################
    if step > start:
        checkpoints.save(step, state, iterator)
    checkpoints.close()
    if fits.dropped:
        logging.warning("dropped %d examples that do not fit a row", len(fits.dropped))
    if step < config.steps:
        print(f"stopped at step {step} of {config.steps}; the same command goes on from there.")
        return
    if start == config.steps and (workdir / "summary.json").exists():
        print(f"{workdir} is complete; raise --config.steps to go on.")
        return
    if writes:
        remove_folder(workdir / "model")  # of a shorter run
    weights.export(model_config, unflatten(state["params"]), workdir / "model", config.model)
    summary = {
        "steps": step,
        "parameters": sum(math.prod(leaf.shape) for leaf in shapes.values()),
        "trained_parameters": sum(math.prod(shapes[path].shape) for path in trained),
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "dropped_examples": len(fits.dropped),
        **reporter.summary(),
        **(held_out.last if held_out else {}),
        "seconds": time.monotonic() - started,
    }
    if writes:
        replace_text(workdir / "summary.json", json.dumps(summary, indent=2) + "\n")


def _in_program(error: BaseException) -> str | None:
    """What was raised in the user's own program, with its file and line; None if nothing was.

    ml_collections wraps some errors of a program in others, and absl wraps those.
    """
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    installed = [Path(module.__file__).parent for module in (absl, ml_collections, contextlib)]
    frames = traceback.extract_tb(error.__traceback__)
    ours = max((i for i, frame in enumerate(frames) if frame.filename == __file__), default=-1)
    frames = [
        frame
        for frame in frames[ours + 1 :]
        if not frame.filename.startswith("<")
        and not any(Path(frame.filename).is_relative_to(folder) for folder in installed)
    ]
    if frames:
        last = frames[-1]
        return f"{last.filename}, line {last.lineno}: {type(error).__name__}: {error}"
    inner = error.__cause__ or error.__context__
    return _in_program(inner) if inner else None


def parse_flags(argv: list[str]) -> list[str]:
    """absl's parser, except that a bad setting is one sentence and exit code 2."""
    try:
        rest = flags.FLAGS(argv)
    except Exception as error:
        if where := _in_program(error):
            raise UserError(where) from error
        if not isinstance(error, BAD_FLAG):
            raise
        raise UserError(f"bad flag or setting: {error}") from error
    if len(rest) > 1:
        raise UserError(f"unexpected argument {rest[1]!r}; settings go as --config.KEY=VALUE.")
    if CONFIG.value is None or not WORKDIR.value:
        raise UserError("give --config configs/sft.py and --workdir DIR; --help explains them.")
    return rest


if __name__ == "__main__":
    app.run(exit_on_user_error(main), flags_parser=exit_on_user_error(parse_flags))
