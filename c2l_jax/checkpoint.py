"""A run's state on disk: parameters, optimizer and the data iterator, saved together."""

import contextlib
import dataclasses
import errno
import json
import logging
import os
import shutil
from collections.abc import Mapping

import absl.logging
import grain
import jax
import orbax.checkpoint as ocp
from etils import epath
from jax.experimental import multihost_utils
from ml_collections import ConfigDict

from c2l_jax.paths import for_orbax
from records.errors import UserError, is_disk_full
from records.paths import AnyPath, is_remote, read_json, recorded, replace_text

# What may differ between the run that stopped and the command that resumes it. Another number of
# steps moves the rest of a learning rate that falls with them; `train` says so.
PATHS = ("model", "data.path")
FREE_SETTINGS = (
    *("steps", "log_every", "checkpoint", "data.threads", "evaluation", "grpo.reward_timeout"),
    # "retries": of runs that began when there was such a setting.
    *(f"grpo.judge.{name}" for name in ("url", "concurrency", "timeout", "max_wait", "retries")),
)


Iterators = Mapping[str, grain.DatasetIterator]


class IteratorsHandler(ocp.CheckpointHandler):
    """A file NAME.json for the state of each iterator, as Grain's handler writes one a process.

    All processes save and restore those that they have, and may have others than those that saved.
    """

    def save(self, directory: epath.Path, args: "SaveIterators"):
        for name, iterator in args.iterators.items():
            (directory / f"{name}.json").write_text(json.dumps(iterator.get_state(), indent=4))

    def restore(self, directory: epath.Path, args: "RestoreIterators"):
        for name, iterator in args.iterators.items():
            iterator.set_state(json.loads((directory / f"{name}.json").read_text()))


@ocp.args.register_with_handler(IteratorsHandler, for_save=True)
@dataclasses.dataclass
class SaveIterators(ocp.args.CheckpointArgs):
    iterators: Iterators


@ocp.args.register_with_handler(IteratorsHandler, for_restore=True)
@dataclasses.dataclass
class RestoreIterators(ocp.args.CheckpointArgs):
    iterators: Iterators


class Checkpoints:
    """`workdir/checkpoints`, one folder a step; a folder appears only when it is complete."""

    def __init__(self, workdir: AnyPath, keep: int):
        options = ocp.CheckpointManagerOptions(max_to_keep=keep)
        self._folder = for_orbax(workdir / "checkpoints")
        self._manager = ocp.CheckpointManager(self._folder, options=options)
        # Orbax's threads print what is also raised where the save is waited for.
        for logger in (absl.logging.get_absl_logger(), logging.getLogger("asyncio")):
            logger.addFilter(_is_other_than_disk_full)

    def latest(self) -> int | None:
        """The newest complete step, or None."""
        return self._manager.latest_step()

    def save(self, step: int, state, iterators: Iterators):
        """Writes in the background; does nothing for a step that is already there.

        Raises UserError where the disk is full, here or for the step before; older steps stay.
        """
        if step in self._manager.all_steps():
            return
        items = {"state": ocp.args.StandardSave(state), "data": SaveIterators(iterators)}
        with self._told_when_full(step):
            self._manager.wait_until_finished()
            self._check_room(state)
            self._manager.save(step, args=ocp.args.Composite(**items))

    def restore(self, step: int, abstract_state, iterators: Iterators):
        """The state, placed as `abstract_state` says; the iterators are set to go on from there."""
        items = {
            "state": ocp.args.StandardRestore(abstract_state),
            "data": RestoreIterators(iterators),
        }
        try:
            return self._manager.restore(step, args=ocp.args.Composite(**items))["state"]
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise UserError(
                f"the checkpoint of step {step} in {self._manager.directory} does not fit this "
                f"model or is damaged ({_first_line(error)}); use another --workdir."
            ) from error

    def close(self):
        """Waits for what is being written."""
        with self._told_when_full("the last one"):
            self._manager.wait_until_finished()
            self._manager.close()

    def _check_room(self, state):
        """Raises OSError before Orbax does so in many threads at once."""
        needed = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
        if not is_remote(self._folder) and shutil.disk_usage(self._folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))

    @contextlib.contextmanager
    def _told_when_full(self, step):
        try:
            yield
        except (OSError, ValueError) as error:
            if not is_disk_full(error):
                raise
            raise UserError(
                f"no room left on the disk for the checkpoint of step {step} in {self._folder}; "
                "the ones before it are whole: make room and give the same command again."
            ) from error


def _is_other_than_disk_full(record: logging.LogRecord) -> bool:
    return not (record.exc_info and is_disk_full(record.exc_info[1]))


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)


def newest_step(workdir: AnyPath) -> int:
    """Of a run's complete checkpoints. Raises UserError where there is none."""
    directory = for_orbax(workdir / "checkpoints")
    steps = ocp.utils.checkpoint_steps(directory)
    if not steps:
        raise UserError(f"{directory} holds no complete checkpoint yet: let the run save one.")
    return max(steps)


def restore_parameters(workdir: AnyPath, abstract_params: dict) -> tuple[int, dict[str, jax.Array]]:
    """Parameters alone, from the newest checkpoint of a run, placed as `abstract_params` says."""
    directory, step = for_orbax(workdir / "checkpoints"), newest_step(workdir)
    restore_args = jax.tree.map(
        lambda leaf: ocp.ArrayRestoreArgs(sharding=leaf.sharding, global_shape=leaf.shape),
        abstract_params,
    )
    args = ocp.args.PyTreeRestore(
        {"params": abstract_params}, restore_args={"params": restore_args}, partial_restore=True
    )
    alone = ocp.options.MultiprocessingOptions()
    if all(leaf.sharding.is_fully_addressable for leaf in abstract_params.values()):
        # Orbax waits for nobody: other processes may have no need of the model.
        alone = ocp.options.MultiprocessingOptions(
            primary_host=jax.process_index(),
            active_processes={jax.process_index()},
            barrier_sync_key_prefix=f"process {jax.process_index()}",
        )
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=alone)
    with ocp.Checkpointer(handler, multiprocessing_options=alone) as reader:
        try:
            return step, reader.restore(directory / str(step) / "state", args)["params"]
        except (ValueError, KeyError) as error:
            raise UserError(
                f"the checkpoint of step {step} in {directory} does not fit the model named in "
                f"{workdir}/config.json ({_first_line(error)})."
            ) from error


def write_config(workdir: AnyPath, config: ConfigDict):
    """Writes config.json, or, where a run is resumed, checks that it is the same run.

    Paths are written absolutely. A setting that the run was started without is told and taken: the
    program of that time did not know it. All processes of a cluster call this; the first writes.
    Raises UserError that names the settings that differ.
    """
    path = workdir / "config.json"
    new = json.loads(config.to_json_best_effort())
    for name in ("model", "path"):
        part = new if name == "model" else new["data"]
        part[name] = recorded(part[name])
    if path.exists():
        before, after = _flat(read_json(path)), _flat(new)
        changed = [
            name
            for name in sorted(before)
            if not name.startswith(FREE_SETTINGS)
            and before[name] != after.get(name)
            and not (name in PATHS and recorded(before[name]) == after.get(name))
        ]
        if changed:
            raise UserError(
                f"{workdir} holds a run with other settings ("
                + ", ".join(f"{n}: {before[n]} there, {after.get(n)} now" for n in changed)
                + "): use its settings, or another --workdir."
            )
        if added := sorted(after.keys() - before.keys()):
            print(f"settings that the run began without: {', '.join(added)}")
        if before.get("steps") != after["steps"]:
            print(
                f"steps: {before.get('steps')} before, {after['steps']} now; from here on the "
                "learning rate is that of the new number, if it depends on it."
            )
    multihost_utils.sync_global_devices("the settings are compared")
    if jax.process_index() == 0:
        replace_text(path, json.dumps(new, indent=2) + "\n")


def _flat(tree: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
