"""Trains a vision-language model on a data set of questions.

  python -m c2l_jax.train --config configs/sft.py --workdir runs/first \\
      --config.model=MODEL_DIR --config.data.path=DATASET_DIR [--config.KEY=VALUE ...]

MODEL_DIR is a Hugging Face directory of Qwen2.5-VL or Qwen3-VL (or one made by
`python -m c2l_jax.init_model`), DATASET_DIR is made by `python -m synth generate`.
configs/forkme.py explains every setting. The same command again resumes where the newest checkpoint
left off: on equal devices, and on CPUs with as many threads, to the bit. Watch a run with
`tensorboard --logdir runs`; --profile adds a trace of three steps, which TensorBoard shows where
the package xprof is installed. A run's settings, checkpoints, metrics.jsonl, summary.json and, at
the end, the trained model as a Hugging Face directory (model/) are in the working directory;
adapters (config.lora) are there as a directory of PEFT's (adapter/), too.
--plan compiles the step, says what it takes on the devices that are here, and leaves; `python -m
tpu.plan` does so for a pod that is not.
"""

import collections
import contextlib
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

from c2l_jax import cluster, cpu, flops
from c2l_jax.checkpoint import Checkpoints, write_config
from c2l_jax.data.pictures import open_pictures
from c2l_jax.data.processor import Processor
from c2l_jax.metrics import Metrics, Trace
from c2l_jax.models import weights
from c2l_jax.models.layers import REMAT
from c2l_jax.objectives import named
from c2l_jax.ops import attention
from c2l_jax.plan import plan, report
from c2l_jax.program import Program, Step, build, joined, means
from c2l_jax.sharding import make_mesh, put_batch
from c2l_jax.sources import Source, stream_count
from records.errors import UserError, exit_on_user_error
from records.paths import anywhere, output_folder, remove_folder, replace_text
from records.reading import open_split

BAD_FLAG = (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError)
AT_LEAST_1 = (
    "steps",
    "log_every",
    "accumulation",
    "updates",
    "logprob_chunk",
    "checkpoint.every",
    "evaluation.batches",
)
CONFIG = config_flags.DEFINE_config_file("config", None, "Program that returns the settings.")
PROFILE = flags.DEFINE_bool("profile", False, "Write a trace of the third to the fifth step.")
WORKDIR = flags.DEFINE_string("workdir", None, "Where the run lives; the same one resumes it.")
PLAN = flags.DEFINE_bool("plan", False, "Only say what a step takes here; nothing is loaded.")
DEFINE = {str: flags.DEFINE_string, int: flags.DEFINE_integer}
CLUSTER = {name: DEFINE[kind](name, None, text) for name, (kind, text) in cluster.FLAGS.items()}


def validate(config: ConfigDict, mesh: jax.sharding.Mesh):
    """Refuses settings that cannot work together, before anything is loaded."""
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
    for name in ("compute_dtype", "param_dtype"):
        if config[name] not in ("float32", "bfloat16"):
            raise UserError(f"config.{name} is {config[name]!r}: float32 or bfloat16.")
    if config.param_dtype == "bfloat16" and max(config.optimizer.b1, config.optimizer.b2) > 0.99:
        raise UserError(
            f"config.optimizer: b1 {config.optimizer.b1} and b2 {config.optimizer.b2} must be at "
            "most 0.99 with config.param_dtype bfloat16, or its moments would no longer change."
        )
    if config.remat not in REMAT:
        raise UserError(f"config.remat is {config.remat!r}: one of {', '.join(REMAT)}.")
    attention.check(config.attention)
    if config.seed < 0:
        raise UserError(f"config.seed is {config.seed}: it must not be negative.")
    parts = config.accumulation * mesh.shape["data"] * mesh.shape["fsdp"]
    if config.data.rows % parts:
        raise UserError(
            f"config.data.rows is {config.data.rows}: it must be a multiple of {parts}, the "
            f"accumulation ({config.accumulation}) times the devices that share the rows."
        )


class HeldOut:
    """The objective's figures on a few batches that are never trained on, always the same ones."""

    def __init__(self, program: Program, source: Source, config: ConfigDict, mesh):
        self._program, self._source, self._mesh = program, source, mesh
        self._count = config.evaluation.batches
        self.last: dict[str, float] = {}

    def __call__(self, params) -> dict[str, float]:
        """Means over the batches' weight, and of the source's own figures, as "eval/NAME"."""
        totals: dict[str, float] = {}
        found = collections.Counter()
        self._source.rewind()
        for _ in range(self._count):
            parts, _, figures = self._source.next(params)
            found.update(figures)
            for part in parts:
                sums = jax.device_get(self._program.evaluate(params, put_batch(self._mesh, part)))
                totals = {n: joined(n, totals.get(n, 0.0), float(sums[n])) for n in sums}
        last = means(totals, max(totals.pop("weight", 0.0), 1.0)) | means(found, self._count)
        self.last = {f"eval/{name}": float(value) for name, value in last.items()}
        return self.last


def log_samples(metrics: Metrics, split, objective, config: ConfigDict):
    """Pictures, prompts and responses of a few training records, as TensorBoard shows them."""
    for index in range(min(4, len(split))):
        record = split[index]
        for name, text in objective.texts(record, config).items():
            image = next(map(np.asarray, open_pictures(record)), None)
            metrics.sample(0, f"sample {index} ({name})", image, text)


class Reporter:
    """Fetches a finished step's figures, refuses what is not finite, and logs."""

    def __init__(self, metrics: Metrics, program: Program, config: ConfigDict):
        self._metrics, self._rate, self._every = metrics, program.rate, config.log_every
        self._updates = config.updates
        self._done, self._since = collections.Counter(), collections.Counter()  # what and how much
        self._peak = flops.peak_flops(jax.devices()[0].device_kind)
        self._last: dict[str, float] = {}
        self._began = self._mark = time.monotonic()

    def __call__(self, step: int, values: dict[str, jax.Array], ids: list[str]):
        values = {name: float(value) for name, value in jax.device_get(values).items()}
        if not (math.isfinite(values["loss"]) and math.isfinite(values["grad_norm"])):
            raise UserError(
                f"step {step}: loss {values['loss']}, gradient norm {values['grad_norm']}; the "
                "run stops without saving it. Lower config.optimizer.lr, or look at the records "
                f"of its batch: {', '.join(ids)}."
            )
        processes = jax.process_count()  # packing gives each about as much
        self._since["steps"] += 1
        self._since["tokens"] += int(values.pop("tokens"))
        self._since["examples"] += len(ids) * processes
        self._since["flops"] += values.pop("flops") * processes
        self._last = values
        self._metrics.advance(step)
        if step % self._every == 0:
            self._log(step, values)

    def _log(self, step: int, values: dict[str, float]):
        now = time.monotonic()
        seconds, since = now - self._mark, self._since
        self._metrics.scalars(
            step,
            {
                **values,
                "lr": float(self._rate(step * self._updates - 1)),
                **self._speed(since, seconds),
                "examples_per_second": since["examples"] / seconds,
                "seconds_per_step": seconds / since["steps"],
            },
        )
        self._settle(now)

    def _speed(self, done: collections.Counter, seconds: float) -> dict[str, float]:
        """Tokens a second, and of one device the FLOPs a second and their share of its peak."""
        rate = done["flops"] / seconds / jax.device_count()
        speed = {"tokens_per_second": done["tokens"] / seconds, "tflops_per_device": rate / 1e12}
        return speed | ({"mfu": rate / self._peak} if self._peak else {})

    def _settle(self, now: float):
        self._done += self._since
        self._mark, self._since = now, collections.Counter()

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
        seconds = max(self._mark - self._began, 1e-9)  # of a run that had nothing to do
        return {
            **self._last,
            "examples": self._done["examples"],
            "tokens": self._done["tokens"],
            **self._speed(self._done, seconds),
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
    config.data.streams = stream_count(config, workdir)
    objective = named(config.objective)
    objective.check(config)
    if PLAN.value:
        print(report(plan(config, objective, mesh)))
        return
    output_folder(workdir)
    processor = Processor(config.model)

    program = build(config, objective, mesh)
    split = open_split(config.data.path, config.data.split)
    held_out = None
    if config.evaluation.every:
        held_out_split = open_split(config.data.path, config.evaluation.split)
        held_out_source = objective.source(
            held_out_split, processor, config, mesh=mesh, workdir=workdir, held_out=True
        )
        held_out = HeldOut(program, held_out_source, config, mesh)
    source = objective.source(split, processor, config, mesh=mesh, workdir=workdir)
    write_config(workdir, config)

    #################### state: this run's newest checkpoint, or the model ####################
    checkpoints = Checkpoints(workdir, config.checkpoint.keep)
    start = checkpoints.latest() or 0
    if start:
        state = checkpoints.restore(start, program.state, source.iterators)
        print(f"resuming from step {start}")
    else:
        state = program.init_state(
            weights.load(config.model, program.places, jnp.dtype(config.param_dtype))
        )
    stop = StopSignal()

    ######################################## loop ########################################
    writes = jax.process_index() == 0
    metrics = Metrics(workdir, start=start, steps=config.steps, writes=writes)
    trace = Trace(workdir, start=start, steps=config.steps, wanted=PROFILE.value)
    # An error is told below the progress bar, not in it.
    with contextlib.closing(metrics), contextlib.closing(trace):
        if not start:
            log_samples(metrics, split, objective, config)
        update = Step(program) if start < config.steps else None
        reporter = Reporter(metrics, program, config)
        waiting, step = None, start
        while step < config.steps and not stop.asked(step):
            step += 1
            with trace.step(step):
                parts, ids, figures = source.next(state["params"])
                for _ in range(config.updates):
                    state, values = update(state, (put_batch(mesh, part) for part in parts))
            trace.finish(step, values)
            if step % config.log_every == 0:
                for name, picture, text in source.samples:
                    metrics.sample(step, name, picture, text)
            # The device works on this step while the host reads the last one's figures.
            if waiting:
                reporter(*waiting)
            done = sum(map(flops.work, parts), flops.Work())
            shapes, trained = program.shapes, program.trained
            work = flops.step_flops(program.model_config, shapes, done, trained)
            figures["flops"] = work * config.updates
            waiting = (step, values | figures, ids)
            evaluates = held_out and step % config.evaluation.every == 0
            saves = step % config.checkpoint.every == 0
            if evaluates or saves:
                reporter(*waiting)  # no checkpoint of a step that is not finite
                waiting = None
            if evaluates:
                with reporter.paused():
                    metrics.scalars(step, held_out(state["params"]))
            if saves:
                checkpoints.save(step, state, source.iterators)
        if waiting:
            reporter(*waiting)

    ####################################### finish #######################################
    if step > start:
        checkpoints.save(step, state, source.iterators)
    checkpoints.close()
    if source.dropped:
        logging.warning("dropped %d examples that do not fit a row", len(source.dropped))
    if step < config.steps:
        print(f"stopped at step {step} of {config.steps}; the same command goes on from there.")
        return
    if start == config.steps and (workdir / "summary.json").exists():
        print(f"{workdir} is complete; raise --config.steps to go on.")
        return
    if writes:
        remove_folder(workdir / "model")  # of a shorter run
        remove_folder(workdir / "adapter")
    cluster.barrier("no model is there")
    params, as_model = state["params"], program.model_config
    if program.lora:
        weights.export_adapter(as_model, params, program.lora, workdir / "adapter", config.model)
    weights.export(as_model, program.plain(params), workdir / "model", config.model)
    summary = {
        "steps": step,
        "parameters": sum(math.prod(leaf.shape) for leaf in program.shapes.values()),
        "trained_parameters": sum(
            math.prod(program.shapes[path].shape) for path in program.trained
        ),
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "dropped_examples": len(source.dropped),
        **reporter.summary(),
        **(held_out.last if held_out else {}),
        "seconds": time.monotonic() - started,
    }
    if writes:
        replace_text(workdir / "summary.json", json.dumps(summary, indent=2) + "\n")


def run(argv):
    """`main`, in all processes together."""
    place = cluster.find_place(**{name: flag.value for name, flag in CLUSTER.items()})
    with cluster.joined(place, saves_when_preempted=True):
        cpu.keep_freed()
        main(argv)


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
    app.run(exit_on_user_error(run), flags_parser=exit_on_user_error(parse_flags))
