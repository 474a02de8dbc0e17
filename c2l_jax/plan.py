"""What a step will take before it runs: memory, arithmetic, traffic and, at best, time.

The real programs are compiled for the devices of a mesh, which nobody has to have, and their
buffers are what the compiler says. Time is a roofline's: products at the chip's peak, collectives
beside them at its links' rate, the update after both at the rate of its memory.
"""

import dataclasses
import math
import time

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from c2l_jax.collectives import Traffic, collectives
from c2l_jax.flops import Work, peak_flops, step_flops
from c2l_jax.objectives import Objective
from c2l_jax.program import Program, Step, build
from c2l_jax.sharding import ROWS
from records.errors import UserError

GIB = 2**30
_PICTURE = 16  # tiles of the pictures that rows are taken to be full of, one an example


@dataclasses.dataclass(frozen=True)
class Chip:
    """memory: bytes that the compiler gives out. bandwidth: of the
    memory. links: bytes a second that a chip can send, one direction of each axis of the torus
    (as on slices that are no whole ring). Rates: jax-ml.github.io/scaling-book/tpus."""

    name: str
    memory: float
    bandwidth: float
    links: float


CHIPS = {  # jax's device_kind
    "TPU v5 lite": Chip("v5e", 15.75 * GIB, 0.81e12, 2 * 45e9),
    "TPU v5": Chip("v5p", 95.74 * GIB, 2.8e12, 3 * 90e9),
    "TPU v5p": Chip("v5p", 95.74 * GIB, 2.8e12, 3 * 90e9),
    "TPU v6 lite": Chip("v6e", 31.25 * GIB, 1.6e12, 2 * 90e9),
}


def plan(config: ConfigDict, objective: Objective, mesh: Mesh) -> dict:
    """Figures of one step as numbers of bytes, FLOPs and seconds; memory is a chip's.

    Raises UserError where the compiler itself finds that the step can't fit, with its sentence, and
    for a kind of device of which nothing is known.
    """
    kind = mesh.devices.flat[0].device_kind
    chip = CHIPS.get(kind)
    if chip is None and mesh.devices.flat[0].platform == "tpu":
        raise UserError(f"nothing is known of {kind!r}: add it to CHIPS of c2l_jax/plan.py.")
    program, parts = build(config, objective, mesh), config.accumulation
    began = time.monotonic()
    try:
        step = Step(program, objective.ANY_PARTS or parts > 1)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(f"does not fit: {str(error).splitlines()[0]}") from error
    found = {
        "devices": f"{mesh.size} x {chip.name if chip else kind}",
        "mesh": dict(mesh.shape),
        "rows": config.data.rows,
        "remat": config.remat,
        "compile_seconds": time.monotonic() - began,
        "memory": _memory(program, step),
        "layer_inputs": _layer_inputs(program, config, mesh),
        "flops": _flops(program, config),
        "collectives": {name: t._asdict() for name, t in _collectives(step, parts).items()},
    }
    found["total"] = sum(found["memory"].values())
    if chip:
        found |= {"limit": chip.memory, "fits": found["total"] <= chip.memory}
        found |= _times(found, chip, mesh.size * peak_flops(kind))
    return found


def _memory(program: Program, step: Step) -> dict[str, float]:
    """What is there at the worst moment of a step, and what of it belongs to what."""
    programs = [p for p in (step.first, step.more, step.apply) if p]
    analyses = [p.memory_analysis() for p in programs]
    return {
        "parameters": _held(program.state["params"]),
        "optimizer": _held(program.state["opt_state"]),
        "gradients": _held(step.totals["grads"]),
        "batch": 2 * _held(program.batch),  # the next one is on its way
        "temporaries": max(a.temp_size_in_bytes for a in analyses),
        "programs": sum(a.generated_code_size_in_bytes for a in analyses),
    }


def _held(tree) -> int:
    """Bytes of a tree of placed shapes on one device."""
    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * np.dtype(leaf.dtype).itemsize
        for leaf in jax.tree.leaves(tree)
    )


def _layer_inputs(program: Program, config: ConfigDict, mesh: Mesh) -> float:
    """Bytes a chip of what full rematerialisation keeps: the input of every layer.

    rows x (L T D of the decoder + L P D of the tower), P patches of a row.
    """
    rows = program.batch["tokens"].shape[0] / math.prod(mesh.shape[axis] for axis in ROWS)
    text, vision = program.model_config.text_config, program.model_config.vision_config
    patches = math.prod(program.batch["patches"].shape[1:3])
    layers = text.num_hidden_layers * config.data.row_tokens * text.hidden_size
    blocks = vision.depth * patches * vision.hidden_size
    return rows * (layers + blocks) * np.dtype(jax.numpy.dtype(config.compute_dtype)).itemsize


def _flops(program: Program, config: ConfigDict) -> dict[str, float]:
    """model: of a step of full rows, without recomputation. products: what the programs compute
    outside of attention kernels. attention: the model's, of which there may be kernels."""
    data, tiles = config.data, config.data.row_tiles
    slots = program.batch["patches"].shape[2]
    pictures = max(1, tiles // _PICTURE)
    length, patches = data.row_tokens // pictures, tiles * slots
    pairs = pictures * length * (length + 1) // 2
    of_row = Work(
        tokens=data.row_tokens,
        targets=data.row_targets or data.row_tokens,
        pairs=pairs,
        patches=patches,
        tile_pairs=patches * slots,
        picture_pairs=patches**2 // pictures,
    )
    shared = Work(pairs=pairs, picture_pairs=of_row.picture_pairs)

    def flops(done):
        return data.rows * step_flops(program.model_config, program.shapes, done, program.trained)

    traced = program.accumulate.trace(program.state["params"], None, program.batch)
    return {
        "model": flops(of_row),
        "products": config.accumulation * products(traced.jaxpr.jaxpr),
        "attention": flops(shared),
        "tokens": data.rows * data.row_tokens,
    }


def products(jaxpr, times: float = 1) -> float:
    """FLOPs of the matrix products in a jaxpr, loops as often as they turn, Pallas kernels left
    out."""
    total = 0.0
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        if name == "dot_general":
            (contracted, _), _ = params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            size = math.prod(equation.outvars[0].aval.shape)
            total += 2 * times * size * math.prod(shape[axis] for axis in contracted)
        elif name == "cond":
            total += max(products(branch.jaxpr, times) for branch in params["branches"])
        elif name != "pallas_call":
            turns = {"scan": "length", "shard_map": "mesh"}.get(name)
            turns = params[turns] if turns else 1
            turns = getattr(turns, "size", turns)  # what every device of a mesh does
            total += sum(products(inner, times * turns) for inner in _inner(params))
    return total


def _inner(params):
    for value in jax.tree.leaves(list(params.values()), is_leaf=lambda x: hasattr(x, "jaxpr")):
        inner = getattr(value, "jaxpr", value)
        if hasattr(inner, "eqns"):
            yield inner


def _collectives(step: Step, parts: int) -> dict[str, Traffic]:
    """Of a whole step: its parts and the update."""
    total: dict[str, Traffic] = {}
    for program, times in ((step.first, 1), (step.more, parts - 1), (step.apply, 1)):
        for kind, one in collectives(program.as_text()).items() if program else ():
            old = total.get(kind, Traffic(0, 0.0, 0))
            total[kind] = Traffic(
                old.count + times * one.count,
                old.bytes + times * one.bytes,
                max(old.largest, one.largest),
            )
    return total


def _times(found: dict, chip: Chip, peak: float) -> dict:
    work, memory = found["flops"], found["memory"]
    arithmetic = (work["products"] + 4 / 3 * work["attention"]) / peak
    network = sum(t["bytes"] for t in found["collectives"].values()) / chip.links
    update = 2 * (memory["parameters"] + memory["optimizer"]) + memory["gradients"]
    seconds = max(arithmetic, network) + update / chip.bandwidth
    return {
        "seconds": {
            "products": arithmetic,
            "network": network,
            "update": update / chip.bandwidth,
            "step": seconds,
        },
        "mfu": work["model"] / peak / seconds,
    }


def report(found: dict) -> str:
    """The figures in words, a line for each kind."""
    work, mesh = found["flops"], ", ".join(f"{a} {n}" for a, n in found["mesh"].items())
    lines = [
        f"{found['devices']}, mesh {mesh}, {found['rows']} rows a step, remat {found['remat']}"
    ]
    if "limit" in found:
        left = found["limit"] - found["total"]
        verdict = f"fits, {size(left)} left" if found["fits"] else f"lacks {size(-left)}"
        lines.append(f"{size(found['total'])} of {size(found['limit'])} a chip: {verdict}")
    else:
        lines.append(f"{size(found['total'])} a device")
    lines.append("  " + ", ".join(f"{n} {size(value)}" for n, value in found["memory"].items()))
    lines.append(f"  inputs of all layers, among the temporaries: {size(found['layer_inputs'])}")
    lines.append(
        f"arithmetic: {work['model']:.3g} FLOPs a step, {work['model'] / work['tokens']:.3g} a "
        f"token; products in the program {work['products']:.3g}"
    )
    for kind, traffic in sorted(found["collectives"].items()):
        lines.append(
            f"{kind}: {traffic['count']} a step, a device sends {size(traffic['bytes'])}, the "
            f"largest array {size(traffic['largest'])}"
        )
    if seconds := found.get("seconds"):
        lines.append(
            f"at best {seconds['step']:.3g} s a step, MFU {found['mfu']:.0%}: products "
            f"{seconds['products']:.3g} s at peak beside {seconds['network']:.3g} s of network, "
            f"then {seconds['update']:.3g} s of update"
        )
    lines.append(f"compiled in {found['compile_seconds']:.0f} s")
    return "\n".join(lines)


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / GIB:.2f} GiB" if count >= GIB / 10 else f"{count / 2**20:.2f} MiB"
