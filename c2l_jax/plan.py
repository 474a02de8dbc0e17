"""What a step, or writing responses, will take: memory, arithmetic, traffic and, at best, time.

The real programs are compiled for the devices of a mesh, which nobody has to have, and their
buffers are what the compiler says. Time is a roofline's: products at the chip's peak, collectives
beside them at its links' rate, the update after both at the rate of its memory. A token that is
written waits for the slowest of three: its products, its collectives, and one reading of the
decoder, the head and the caches.
"""

import dataclasses
import math
import re
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from c2l_jax.collectives import NOTHING, Traffic, collectives
from c2l_jax.flops import Work, forward_flops, peak_flops, step_flops
from c2l_jax.models import family_of, weights
from c2l_jax.models.layers import Compute
from c2l_jax.objectives import Objective
from c2l_jax.program import Program, Step, build
from c2l_jax.sampler import SEGMENT, PromptShape, Sampler
from c2l_jax.sharding import ROWS, parameter_shardings
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
    device = mesh.devices.flat[0]
    chip = _chip(mesh) if device.platform == "tpu" else None
    program, parts = build(config, objective, mesh), config.accumulation
    began = time.monotonic()
    step = _compiled(lambda: Step(program))
    found = {
        "devices": f"{mesh.size} x {chip.name if chip else device.device_kind}",
        "mesh": dict(mesh.shape),
        "rows": config.data.rows,
        "remat": config.remat,
        "compile_seconds": time.monotonic() - began,
        "memory": _memory(program, step),
        "layer_inputs": _layer_inputs(program, config, mesh),
        "flops": _flops(program, config),
        "collectives": _traffic((step.first, 1), (step.more, parts - 1), (step.apply, 1)),
    }
    found["total"] = sum(found["memory"].values())
    if chip:
        found |= {"limit": chip.memory, "fits": found["total"] <= chip.memory}
        found |= _times(found, chip, mesh.size * peak_flops(device.device_kind))
    return found


def _chip(mesh: Mesh) -> Chip:
    kind = mesh.devices.flat[0].device_kind
    if kind not in CHIPS:
        raise UserError(f"nothing is known of {kind!r}: add it to CHIPS of c2l_jax/plan.py.")
    return CHIPS[kind]


def _compiled(compile: Callable):
    try:
        return compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise UserError(f"does not fit: {str(error).splitlines()[0]}") from error


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
    return rows * (layers + blocks) * jnp.dtype(config.compute_dtype).itemsize


def _flops(program: Program, config: ConfigDict) -> dict[str, float]:
    """model: of a step of full rows, without recomputation. products: what the programs compute
    outside of attention kernels. attention: the model's, of which there may be kernels."""
    data, pictures = config.data, _pictures(config.data)
    one = _example(config.data, program.batch["patches"].shape[2])
    of_row = sum([one] * pictures, Work(targets=data.row_targets or data.row_tokens))
    shared = Work(pairs=of_row.pairs, picture_pairs=of_row.picture_pairs)

    def flops(done):
        return data.rows * step_flops(program.model_config, program.shapes, done, program.trained)

    traced = program.accumulate.trace(program.state["params"], None, program.batch)
    return {
        "model": flops(of_row),
        "products": config.accumulation * products(traced.jaxpr.jaxpr),
        "attention": flops(shared),
        "tokens": data.rows * data.row_tokens,
    }


def _pictures(data: ConfigDict) -> int:
    """Of a row that is full of them."""
    return max(1, data.row_tiles // _PICTURE)


def _example(data: ConfigDict, slots: int) -> Work:
    """Of one of the examples that a row is taken to be full of, without its targets; slots: patches
    of a tile."""
    length, tiles = data.row_tokens // _pictures(data), data.row_tiles // _pictures(data)
    return Work(
        tokens=length,
        pairs=length * (length + 1) // 2,
        patches=tiles * slots,
        tile_pairs=tiles * slots**2,
        picture_pairs=(tiles * slots) ** 2,
    )


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


def _traffic(*programs: tuple[jax.stages.Compiled | None, int]) -> dict[str, dict]:
    """What programs that run so many times each send, by kind, as fields of Traffic."""
    total: dict[str, Traffic] = {}
    for program, times in programs:
        for kind, one in collectives(program.as_text()).items() if times else ():
            total[kind] = total.get(kind, NOTHING).plus(one, times)
    return {kind: traffic._asdict() for kind, traffic in total.items()}


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


def plan_responses(config: ConfigDict, mesh: Mesh, lanes: int, max_tokens: int) -> dict:
    """Figures of writing `lanes` responses at a time to each of config.data.rows prompts.

    Prompts are as long as the examples that rows are taken to be full of. Parameters are in
    config.compute_dtype, split as for training. Raises UserError as `plan` does.
    """
    chip, rows = _chip(mesh), config.data.rows
    prompts, steps = math.prod(mesh.shape[axis] for axis in ROWS), min(SEGMENT, max_tokens)
    params, traced, prefill_flops = _sampling(config, mesh, lanes, max_tokens)
    began = time.monotonic()
    prefill, write = (_compiled(lambda one=one: one.lower().compile()) for one in traced)
    analyses = [program.memory_analysis() for program in (prefill, write)]
    memory = {
        "parameters": _held(params),
        "caches": sum(a.output_size_in_bytes for a in analyses),
        "temporaries": max(a.temp_size_in_bytes for a in analyses),
        "programs": sum(a.generated_code_size_in_bytes for a in analyses),
    }
    flops = {"prefill": prompts * prefill_flops, "token": products(traced[1].jaxpr.jaxpr)}
    sent = {"prefill": _traffic((prefill, 1)), "segment": _traffic((write, 1))}
    looked_up = "text/embedding" if "head" in params else None
    of_text = [p for path, p in params.items() if path[:6] != "vision" and path != looked_up]
    reads = {"prefill": _held(params), "token": _held(of_text) + memory["caches"]}
    peak = mesh.size * peak_flops(mesh.devices.flat[0].device_kind)
    times = {}
    for name, kinds, parts in (("prefill", sent["prefill"], 1), ("token", sent["segment"], steps)):
        network = sum(traffic["bytes"] for traffic in kinds.values()) / parts / chip.links
        one = {"products": flops[name] / peak, "network": network}
        one["memory"] = reads[name] / chip.bandwidth
        times[name] = one | {"all": max(one.values())}
    seconds = rows / prompts * times["prefill"]["all"] + max_tokens * times["token"]["all"]
    found = {"rows": rows, "lanes": lanes, "max_tokens": max_tokens, "segment": steps}
    found |= {"compile_seconds": time.monotonic() - began, "memory": memory}
    found |= {"total": sum(memory.values()), "limit": chip.memory}
    found |= {"fits": found["total"] <= chip.memory, "flops": flops, "collectives": sent}
    return found | {"seconds": times, "tokens_per_second": rows * lanes * max_tokens / seconds}


def _sampling(config: ConfigDict, mesh: Mesh, lanes: int, max_tokens: int):
    """The shapes of a sampler's parameters, its traced programs, and FLOPs of a prompt."""
    family, data = family_of(config.model), config.data
    model_config = family.Config.from_directory(config.model)
    patch_shape = family.pictures(config.model).patch_shape
    prompt = _example(data, patch_shape[0])
    sampler = Sampler(
        model_config,
        Compute(config.compute_dtype, attention=config.attention, mesh=mesh),
        mesh=mesh,
        shape=PromptShape(prompt.tokens, prompt.patches // patch_shape[0]),
        end_tokens=(0,),  # whichever it is
        max_tokens=max_tokens,
        rows=data.rows,
        lanes=lanes,
        temperature=1.0,
    )
    _, shapes = weights.abstract(model_config, dtype=jnp.dtype(config.compute_dtype))
    places = parameter_shardings(mesh, family.PARTITION_TABLE, shapes)
    params = _separate(jax.eval_shape(sampler.prepare, shapes), places, mesh)
    flops = forward_flops(model_config, shapes, prompt)
    return params, sampler.trace(params, patch_shape), flops


def _separate(shapes: dict, places: dict[str, NamedSharding], mesh: Mesh) -> dict:
    """Shapes of unstacked parameters where the slices of the stacked ones lie."""
    placed = {}
    for path, shape in shapes.items():
        stacked = re.sub(r"^text/layers/\d+/", "text/layers/", path)
        axes = places[stacked].spec[stacked != path :]
        place = NamedSharding(mesh, PartitionSpec(*axes))
        placed[path] = jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=place)
    return placed


def report(found: dict) -> str:
    """The figures in words, a line for each kind."""
    work, mesh = found["flops"], ", ".join(f"{a} {n}" for a, n in found["mesh"].items())
    lines = [
        f"{found['devices']}, mesh {mesh}, {found['rows']} rows a step, remat {found['remat']}"
    ]
    if "limit" in found:
        lines.append(_verdict(found))
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
            f"{kind}: {traffic['count']} a step ({traffic['looped']} in loops), a device sends "
            f"{size(traffic['bytes'])}, the largest array {size(traffic['largest'])}"
        )
    if seconds := found.get("seconds"):
        lines.append(
            f"at best {seconds['step']:.3g} s a step, MFU {found['mfu']:.0%}: products "
            f"{seconds['products']:.3g} s at peak beside {seconds['network']:.3g} s of network, "
            f"then {seconds['update']:.3g} s of update"
        )
    lines.append(f"compiled in {found['compile_seconds']:.0f} s")
    return "\n".join(lines)


def report_responses(found: dict) -> str:
    """The figures of `plan_responses` in words."""
    seconds = found["seconds"]
    lines = [
        f"responses: {found['rows']} prompts, {found['lanes']} lanes each, up to "
        f"{found['max_tokens']} tokens, nothing of training beside them",
        _verdict(found),
        "  " + ", ".join(f"{n} {size(value)}" for n, value in found["memory"].items()),
    ]
    for name, title in (("prefill", "a prompt a chip"), ("token", "a token in all lanes")):
        of = seconds[name]
        lines.append(
            f"{title}: {found['flops'][name]:.3g} FLOPs, at best {of['all']:.3g} s: products "
            f"{of['products']:.3g} s, network {of['network']:.3g} s, memory {of['memory']:.3g} s"
        )
    lines.append(
        f"at best {found['tokens_per_second']:,.0f} tokens a second if all are full length; "
        f"compiled in {found['compile_seconds']:.0f} s"
    )
    return "\n".join(lines)


def _verdict(found: dict) -> str:
    left = found["limit"] - found["total"]
    verdict = f"fits, {size(left)} left" if found["fits"] else f"lacks {size(-left)}"
    return f"{size(found['total'])} of {size(found['limit'])} a chip: {verdict}"


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / GIB:.2f} GiB" if count >= GIB / 10 else f"{count / 2**20:.2f} MiB"
