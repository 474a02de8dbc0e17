"""Whether a run fits a pod that nobody has rented yet, and what a step takes there at best.

  python -m tpu.plan --config configs/sft.py --topology v5e:4x4 --config.model=Qwen2.5-VL-3B

compiles the training step for the topology with libtpu (`pip install -e .[tpu]`; no TPU is needed)
and prints memory, arithmetic, traffic and time; c2l_jax/plan.py says what is assumed. The model is
a directory with its config.json, or a name of tpu/published.py. config.data.rows 0 is one row a
chip. --search tries meshes, remat policies and rows a chip, and names what is fastest a token of
what fits. --lanes plans writing responses, too: so many at a time to each row's prompt, of
--max_tokens. --json prints figures instead of words.

  python -m tpu.plan --table docs/plan.md [--cells 3B/sft/v5e:4x4,...]

writes the table of published models. A cell takes minutes; those in the table stay as they are.
Topologies: v5e:4x4 is v5litepod-16, v5e:8x8 v5litepod-64, v5p:2x2x2 v5p-16 (8 chips of 2 cores),
v6e:4x4 v6e-16, v6e:8x8 v6e-64.
"""

import importlib
import importlib.util
import itertools
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
from absl import app, flags
from jax.experimental import topologies
from ml_collections import ConfigDict, config_flags

from c2l_jax.objectives import named
from c2l_jax.plan import GIB, plan, plan_responses, report, report_responses
from c2l_jax.sharding import make_mesh
from records.errors import UserError, exit_on_user_error
from records.paths import replace_text
from tpu import published

REMATS = ("none", "dots", "attention", "full")
ROWS = (1, 2, 4)
OBJECTIVES = ("sft", "dpo")
TABLE_TOPOLOGIES = ("v5e:4x4", "v5e:8x8", "v5p:2x2x2", "v6e:4x4", "v6e:8x8")
BEGIN = "| model |"


def devices(topology: str) -> list[jax.Device]:
    """Devices of a topology, to compile for. Raises UserError without libtpu or for a bad name."""
    found = importlib.util.find_spec("libtpu")
    if found is None:
        raise UserError("libtpu is not installed: `pip install -e .[tpu]` (no TPU is needed).")
    # There is no TPU here to be asked, and several plans may run beside each other.
    os.environ.setdefault("TPU_LIBRARY_PATH", str(Path(found.origin).parent / "libtpu.so"))
    os.environ |= {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}
    try:
        found = topologies.get_topology_desc(platform="tpu", topology_name=topology)
    except (ValueError, jax.errors.JaxRuntimeError) as error:
        raise UserError(f"no topology {topology!r}: {str(error).splitlines()[0]}") from error
    return found.devices


def resolve(config: ConfigDict, folder: Path, chips: int) -> ConfigDict:
    """The config with a directory for a published model's name, and a row a chip for rows 0."""
    config = config.copy_and_resolve_references()
    if config.model in published.MODELS:
        config.model = str(published.write(published.MODELS[config.model], folder / config.model))
    if not config.data.rows:
        config.data.rows = chips
    return config


def candidates(config: ConfigDict, chips: int) -> Iterator[ConfigDict]:
    """Configs to try: parameters split over all chips or fewer, each policy, more and more rows."""
    splits = [chips // copies for copies in (1, 4, 16) if chips % copies == 0]
    for fsdp, remat, rows in itertools.product(splits, REMATS, ROWS):
        tried = config.copy_and_resolve_references()
        tried.mesh = ConfigDict({"data": chips // fsdp, "fsdp": fsdp, "tensor": 1})
        tried.remat, tried.data.rows, tried.accumulation = remat, rows * chips, 1
        yield tried


def search(config: ConfigDict, objective, chips: list[jax.Device]) -> dict:
    """The plan that is fastest a token of those that fit. Raises UserError if none does."""
    best, full = None, {}
    for tried in candidates(config, len(chips)):
        place = tuple(tried.mesh.values()), tried.remat
        if tried.data.rows > full.get(place, tried.data.rows):
            continue  # fewer rows were too many already
        what = f"mesh {place[0]}, remat {tried.remat}, {tried.data.rows} rows"
        try:
            found = plan(tried, objective, make_mesh(tried.mesh, chips))
        except UserError as error:
            found = {"fits": False, "why": str(error)}
        if not found["fits"]:
            full[place] = tried.data.rows
            print(f"{what}: does not fit", file=sys.stderr)
            continue
        pace = found["seconds"]["step"] / found["flops"]["tokens"]
        print(f"{what}: {1 / pace:,.0f} tokens a second at best", file=sys.stderr)
        if best is None or pace < best[0]:
            best = pace, found
    if best is None:
        raise UserError("nothing that was tried fits: take more chips or shorter rows.")
    return best[1]


# ----------------------------------------------------------------------------------------- table


def cell(model: str, name: str, topology: str, folder: Path) -> str:
    """A line of the table."""
    chips = devices(topology)
    config = importlib.import_module(f"configs.{name}").get_config()
    config.model, config.data.rows = model, 0
    config = resolve(config, folder, len(chips))
    try:
        found = plan(config, named(config.objective), make_mesh(config.mesh, chips))
    except UserError as error:
        used = re.search(r"Used (\S+) of (\S+?)\.? ", str(error)) or re.search(
            r"\((\S+)\) exceeds available \S+ \((\S+)\)", str(error)
        )
        why = f"{used[1]} of {used[2]}" if used else str(error)
        return f"| {model} | {name} | {topology} | {len(chips)} | no | {why} | | | | | | |"
    memory = {key: value / GIB for key, value in found["memory"].items()}
    state = memory["parameters"] + memory["optimizer"]
    return (
        f"| {model} | {name} | {topology} | {len(chips)} | {'yes' if found['fits'] else 'no'} | "
        f"{found['total'] / GIB:.2f} of {found['limit'] / GIB:.2f} | {state:.2f} | "
        f"{memory['gradients']:.2f} | {memory['temporaries']:.2f} | "
        f"{found['seconds']['step']:.2f} | {found['mfu']:.0%} | {found['compile_seconds']:.0f} |"
    )


def table(path: Path, cells: list[str]):
    """Fills the table in, a line at a time, in the order of models, objectives, topologies."""
    lines = path.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(BEGIN)) + 2
    last = next((i for i in range(first, len(lines)) if not lines[i].startswith("|")), len(lines))
    known = {line.split("|")[1:4].__str__(): line for line in lines[first:last]}
    everything = list(itertools.product(published.MODELS, OBJECTIVES, TABLE_TOPOLOGIES))
    with tempfile.TemporaryDirectory() as folder:
        for one in everything:
            key = [f" {part} " for part in one].__str__()
            if key in known or (cells and "/".join(one) not in cells):
                continue
            known[key] = cell(*one, Path(folder))
            print(known[key])
            rows = [known[k] for o in everything if (k := [f" {p} " for p in o].__str__()) in known]
            replace_text(path, "\n".join([*lines[:first], *rows, *lines[last:]]) + "\n")


def main(argv):
    del argv
    if TABLE.value:
        table(Path(TABLE.value), CELLS.value)
        return
    if CONFIG.value is None or not TOPOLOGY.value:
        raise UserError("give --config configs/sft.py and --topology v5e:4x4; --help explains.")
    chips = devices(TOPOLOGY.value)
    with tempfile.TemporaryDirectory() as folder:
        config = resolve(CONFIG.value, Path(folder), len(chips))
        objective = named(config.objective)
        if SEARCH.value:
            found = search(config, objective, chips)
        else:
            found = plan(config, objective, make_mesh(config.mesh, chips))
        if LANES.value:
            config.mesh, config.data.rows = ConfigDict(found["mesh"]), found["rows"]
            mesh = make_mesh(config.mesh, chips)
            found["responses"] = plan_responses(config, mesh, LANES.value, MAX_TOKENS.value)
    if JSON.value:
        print(json.dumps(found, indent=2))
        return
    print(report(found))
    if LANES.value:
        print(report_responses(found["responses"]))


if __name__ == "__main__":
    CONFIG = config_flags.DEFINE_config_file("config", None, "Program that returns the settings.")
    TOPOLOGY = flags.DEFINE_string("topology", None, "Of the pod, such as v5e:4x4.")
    SEARCH = flags.DEFINE_bool("search", False, "Try meshes, remat policies and rows a chip.")
    LANES = flags.DEFINE_integer("lanes", 0, "Responses to a prompt at a time; 0: none.", 0)
    MAX_TOKENS = flags.DEFINE_integer("max_tokens", 512, "Of a response.", 1)
    JSON = flags.DEFINE_bool("json", False, "Figures instead of words.")
    TABLE = flags.DEFINE_string("table", None, "File whose table of published models is filled in.")
    CELLS = flags.DEFINE_list("cells", [], "Only these, as Qwen2.5-VL-3B/sft/v5e:4x4.")
    app.run(exit_on_user_error(main))
