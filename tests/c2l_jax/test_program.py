"""The programs of a run, without running it."""

import jax
import jax.numpy as jnp
import pytest

from c2l_jax.data.processor import Processor
from c2l_jax.models import weights
from c2l_jax.objectives import named, sft
from c2l_jax.program import build
from c2l_jax.sharding import make_mesh
from configs import tiny_sft
from records.errors import UserError
from records.reading import open_split

MESH = {"data": 1, "fsdp": -1, "tensor": 1}


def settings(model, rows=4, parts=1):
    config = tiny_sft.get_config()
    config.model, config.accumulation, config.data.rows = str(model), parts, rows
    config.data.row_tokens, config.data.row_tiles = 512, 4
    return config


def test_a_config_is_enough_for_the_programs(model_dir, tmp_path):
    """Without weights, tokeniser or data; on a mesh of devices that are named, not used."""
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((model_dir / name).read_bytes())
    mesh = make_mesh(MESH, devices=jax.devices()[:1])
    program = build(settings(tmp_path, parts=2), sft, mesh)
    assert program.batch["tokens"].shape == (2, 512)
    params = program.state["params"]
    totals = program.accumulate.lower(params, None, program.batch).out_info
    more = program.accumulate.lower(params, totals, program.batch).out_info
    assert jax.tree.structure(totals) == jax.tree.structure(more)
    state, _ = program.apply.lower(program.state, totals).out_info
    assert jax.tree.structure(state) == jax.tree.structure(program.state)


def test_the_batch_is_what_the_source_gives_and_parts_add_up(model_dir, dataset):
    split, processor = open_split(dataset, "train"), Processor(model_dir)
    mesh, params, found = make_mesh(MESH), weights.load(model_dir), []
    for parts in (1, 2):
        config = settings(model_dir, parts=parts)
        program = build(config, sft, mesh)
        source = sft.source(split, processor, config, mesh=mesh, workdir=None)
        batches, ids, figures = source.next({})
        assert len(batches) == parts and ids and not figures
        given = {name: (value.shape, value.dtype) for name, value in batches[0].items()}
        assert given == {name: (s.shape, s.dtype) for name, s in program.batch.items()}
        sums = [program.evaluate(params, batch) for batch in batches]
        found.append((ids, float(sum(part["loss"] for part in sums))))
    assert found[0][0] == found[1][0]
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-6)


def test_objectives_have_names():
    assert named("sft") is sft
    assert named("c2l_jax.objectives.sft") is sft
    for name in ("nothing", "c2l_jax.objectives.nothing", "json"):
        with pytest.raises(UserError, match=f"config.objective is '{name}'.*dpo, grpo, sft"):
            named(name)


def test_gradients_are_float32_whatever_is_computed_in(model_dir):
    config = settings(model_dir)
    config.compute_dtype = "bfloat16"
    program = build(config, sft, make_mesh(MESH))
    totals = jax.eval_shape(program.accumulate, program.state["params"], None, program.batch)
    assert {leaf.dtype for leaf in jax.tree.leaves(totals["grads"])} == {jnp.dtype("float32")}
