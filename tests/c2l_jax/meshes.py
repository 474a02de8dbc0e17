"""One step and one response on several meshes of eight devices, each compared with one device.

python -m tests.c2l_jax.meshes FOLDER

Prints a line of JSON a case: its name and the largest differences.
"""

import json
import sys
from pathlib import Path

import grain
import jax
import numpy as np

from c2l_jax.data.layout import RowShape, fill_up
from c2l_jax.data.packing import pack
from c2l_jax.data.processor import add_branches
from c2l_jax.models import weights
from c2l_jax.models.layers import Compute
from c2l_jax.objectives import dpo, sft
from c2l_jax.program import build
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh, parameter_shardings, put_batch
from configs import tiny_dpo
from tests.c2l_jax import tiny

ROWS = 8
MESHES = {
    "fsdp=8": (1, 8, 1),
    "data=2 tensor=4": (2, 1, 4),
    "data=2 fsdp=2 tensor=2": (2, 2, 2),
}
# What is compared, and the least value that differences are shares of.
LEAST = (("losses", 1e-3), ("gradients", 1e-3), ("parameters", 1.0))
SIZES = ((56, 84), (84, 56), (56, 56), (112, 56))  # of pictures


class BothObjectives:
    """sft and dpo added up: half as much to compile."""

    EXTRA_TARGETS = dpo.EXTRA_TARGETS
    ANY_PARTS = False

    @staticmethod
    def loss(model, batch, config):
        (sft_sum, _, _), (dpo_sum, pairs, _) = (o.loss(model, batch, config) for o in (sft, dpo))
        return sft_sum + dpo_sum, pairs, {"sft": sft_sum, "dpo": dpo_sum}


def mesh_of(data: int, fsdp: int, tensor: int) -> jax.sharding.Mesh:
    devices = jax.devices()[: data * fsdp * tensor]
    return make_mesh({"data": data, "fsdp": fsdp, "tensor": tensor}, devices)


def prompts(family: str) -> list[dict]:
    rng, made = np.random.default_rng(5), []
    for number in range(ROWS):
        parts = [3 + number % 3, SIZES[number % len(SIZES)], 4]
        prompt = tiny.sequence(parts, rng, family)
        made.append(prompt | {"next_position": int(prompt["positions"].max()) + 1})
    return made


def batch_of(family: str) -> dict[str, np.ndarray]:
    """A pair a row, with the features of both objectives."""
    rng, examples = np.random.default_rng(6), []
    for number, prompt in enumerate(prompts(family)):
        responses = [rng.integers(2, tiny.IMAGE, n).astype(np.int32) for n in (3 + number % 4, 5)]
        reference_r = rng.uniform(-6, -3, sum(map(len, responses))).astype(np.float32)
        example = add_branches(prompt, responses) | {"reference_logps": reference_r}
        examples.append({"id": number, **example})
    source = grain.MapDataset.source(examples).to_iter_dataset()
    shape = RowShape(tokens=48, targets=16, tiles=4)
    (batch,) = pack(
        source, rows=ROWS, shape=shape, units=tiny.UNITS, bins=ROWS, extra_targets=dpo.EXTRA_TARGETS
    )
    del batch["ids"]
    return fill_up(batch, ROWS)


def stepped(folder: Path, mesh, params, batch) -> dict[str, dict]:
    """Losses, gradients and updated parameters; nothing is moved to a device but the batch."""
    config = tiny_dpo.get_config()
    config.model, config.data.rows, config.optimizer.warmup = str(folder), ROWS, 0.0
    program = build(config, BothObjectives, mesh)
    state = program.init_state(jax.device_put(params, program.places))
    placed = put_batch(mesh, batch)
    with jax.transfer_guard_host_to_device("disallow"):
        totals = program.accumulate(state["params"], None, placed)
        found = jax.device_get({"gradients": totals["grads"], "losses": totals["sums"]})
        state, _ = program.apply(state, totals)
    return found | {"parameters": jax.device_get(state["params"])}


def sampled(config, family: str, mesh, params) -> list[list[int]]:
    asked = prompts(family)
    sizes = [(len(prompt["tokens"]), len(prompt["tile_images"])) for prompt in asked]
    sampler = Sampler(
        config,
        Compute(),
        mesh=mesh,
        shape=PromptShape.that_fits(sizes),
        end_tokens=(),
        max_tokens=6,
        rows=ROWS,
        temperature=1.0,
    )
    places = parameter_shardings(mesh, tiny.family(family).PARTITION_TABLE, params)
    prepared = sampler.prepare(jax.device_put(params, places))
    answered = dict(sampler.run(prepared, enumerate(asked), n=1, seed=3))
    return [answered[number][0].tokens for number in range(ROWS)]


def difference(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], least: float):
    """The largest one, as a share of the largest value of its tensor, or of `least`."""
    return max(
        float(np.abs(found[name] - value).max() / max(np.abs(value).max(), least))
        for name, value in expected.items()
    )


def main(folder: Path):
    one = mesh_of(1, 1, 1)
    for config in (tiny.config(), tiny.qwen3()):
        family = config.MODEL_TYPE
        (folder / family).mkdir()
        (folder / family / "config.json").write_text(json.dumps(config.to_hf()))
        tiny.save_preprocessor(family, folder / family)
        params = jax.device_get(weights.init(config, seed=1))
        batch = batch_of(family)
        expected = stepped(folder / family, one, params, batch)
        for name, sizes in MESHES.items():
            found = stepped(folder / family, mesh_of(*sizes), params, batch)
            for path, gradient in expected["gradients"].items():
                # Adam makes a whole step out of a gradient that is nothing but rounding.
                is_rounding = np.abs(gradient) < 1e-4 * max(np.abs(gradient).max(), 1e-3)
                found["parameters"][path] = np.where(
                    is_rounding, expected["parameters"][path], found["parameters"][path]
                )
            off = {part: difference(found[part], expected[part], least) for part, least in LEAST}
            print(json.dumps({"case": f"{family} {name}", "off": off}), flush=True)
        expected = sampled(config, family, one, params)
        # Of the second family the mesh that splits everything, since each takes long to compile.
        for name, sizes in list(MESHES.items())[2 * (config.MODEL_TYPE == "qwen3_vl") :]:
            found = sampled(config, family, mesh_of(*sizes), params)
            off = {"tokens": sum(a != b for a, b in zip(found, expected, strict=True))}
            print(json.dumps({"case": f"{family} sampling {name}", "off": off}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
