"""A run's state on disk: parameters, optimizer and the data iterator, saved together."""

import json
from pathlib import Path

import grain
import jax
import orbax.checkpoint as ocp
from grain.checkpoint import CheckpointRestore, CheckpointSave
from ml_collections import ConfigDict

from c2l_jax.errors import UserError

# What may differ between the run that stopped and the command that resumes it.
FREE_SETTINGS = ("steps", "log_every", "checkpoint", "data.threads", "evaluation")


class Checkpoints:
    """`workdir/checkpoints`, one folder a step; a folder appears only when it is complete."""

    def __init__(self, workdir: Path, keep: int):
        options = ocp.CheckpointManagerOptions(max_to_keep=keep)
        self._manager = ocp.CheckpointManager((workdir / "checkpoints").absolute(), options=options)

    def latest(self) -> int | None:
        """The newest complete step, or None."""
        return self._manager.latest_step()

    def save(self, step: int, state, iterator: grain.DatasetIterator):
        """Writes in the background; does nothing for a step that is already there."""
        if step in self._manager.all_steps():
            return
        items = {"state": ocp.args.StandardSave(state), "data": CheckpointSave(iterator)}
        self._manager.save(step, args=ocp.args.Composite(**items))

    def restore(self, step: int, abstract_state, iterator: grain.DatasetIterator):
        """The state, placed as `abstract_state` says; the iterator is set to go on from there."""
        items = {
            "state": ocp.args.StandardRestore(abstract_state),
            "data": CheckpointRestore(iterator),
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
        self._manager.wait_until_finished()
        self._manager.close()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)


def restore_parameters(workdir: Path, abstract_params: dict) -> tuple[int, dict[str, jax.Array]]:
    """Parameters alone, from the newest checkpoint of a run, placed as `abstract_params` says."""
    directory = (workdir / "checkpoints").absolute()
    manager = ocp.CheckpointManager(directory, item_names=("state",))
    step = manager.latest_step()
    if step is None:
        raise UserError(f"{directory} holds no complete checkpoint yet: let the run save one.")
    restore_args = jax.tree.map(
        lambda leaf: ocp.ArrayRestoreArgs(sharding=leaf.sharding, global_shape=leaf.shape),
        abstract_params,
    )
    args = ocp.args.PyTreeRestore(
        {"params": abstract_params}, restore_args={"params": restore_args}, partial_restore=True
    )
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        try:
            return step, reader.restore(directory / str(step) / "state", args)["params"]
        except (ValueError, KeyError) as error:
            raise UserError(
                f"the checkpoint of step {step} in {directory} does not fit the model named in "
                f"{workdir}/config.json ({_first_line(error)})."
            ) from error


def write_config(workdir: Path, config: ConfigDict):
    """Writes config.json, or, where a run is resumed, checks that it is the same run.

    Raises UserError that names the settings that differ.
    """
    path = workdir / "config.json"
    new = json.loads(config.to_json_best_effort())
    if path.exists():
        before, after = _flat(json.loads(path.read_text())), _flat(new)
        changed = [
            name
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name) and not name.startswith(FREE_SETTINGS)
        ]
        if changed:
            raise UserError(
                f"{workdir} holds a run with other settings ("
                + ", ".join(f"{n}: {before.get(n)} there, {after.get(n)} now" for n in changed)
                + "): use its settings, or another --workdir."
            )
    temporary = path.with_suffix(".json.new")
    temporary.write_text(json.dumps(new, indent=2) + "\n")
    temporary.rename(path)


def _flat(tree: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
