"""What a step takes, known before it runs: from real compiled programs on several devices."""

import re

import jax
import jax.numpy as jnp
import pytest

from c2l_jax.collectives import collectives
from c2l_jax.plan import products
from tests.c2l_jax.conftest import train_arguments
from tests.conftest import QUICKLY, run_module

PROGRAM = """\
HloModule some

%body (arg: (s32[], f32[8,128])) -> (s32[], f32[8,128]) {
  %gathered = f32[8,128]{1,0} all-gather(%part), channel_id=1, replica_groups=[2,4]<=[8]
}

%wide.windowed_dot_general_body_rs.1 (arg: (bf16[4,2], u32[])) -> (bf16[4,2], u32[]) {
  %sent = (bf16[4,2]{1,0}, bf16[4,2]{1,0}, u32[]) collective-permute-start(%part), channel_id=2
}

%windowed_cond (arg: (bf16[4,2], u32[])) -> pred[] {
  %seven = u32[] constant(7)
  ROOT %less = pred[] compare(%index, %seven), direction=LT
}

%cond (arg: (s32[], f32[8,128])) -> pred[] {
  %five = s32[]{:T(128)} constant(5), metadata={op_name="a"}
  ROOT %less = pred[] compare(%index, %five), direction=LT
}

%beside (arg: f32[2]) -> f32[2] {
  %again = f32[2]{0} all-reduce(%arg), channel_id=3, replica_groups=mesh['a'=2,'b'=8] {'b'}
}

ENTRY %main (arg: f32[2]) -> f32[2] {
  %loop = (s32[], f32[8,128]) while(%start), condition=%cond, body=%body
  %other = while(%begin), condition=%windowed_cond, body=%wide.windowed_dot_general_body_rs.1
  %first = f32[2]{0} fusion(%arg), kind=kCustom, calls=%beside
  %same = f32[2]{0} all-reduce(%arg), channel_id=3, replica_groups=mesh['a'=2,'b'=8] {'b'}
}
"""


def test_loops_count_as_often_as_they_turn_and_a_channel_once():
    found = collectives(PROGRAM)
    assert found == {
        "all-gather": (5, 5, 5 * 8 * 128 * 4 * 3 / 4, 8 * 128 * 4),
        "reduce-scatter": (7, 7, 7 * 4 * 2 * 2, 4 * 2 * 2),
        "all-reduce": (1, 0, 2 * 8 * 7 / 8, 8),
    }


def test_products_in_loops_and_of_recomputation_are_counted():
    @jax.checkpoint
    def layer(x, w):
        return jnp.sin(x @ w), None

    def loss(ws, x):
        return jax.lax.scan(layer, x, ws)[0].sum()

    traced = jax.jit(jax.grad(loss)).trace(jnp.ones((5, 8, 8)), jnp.ones((4, 8)))
    # Forward, forward again, and the gradients of both factors.
    assert products(traced.jaxpr.jaxpr) == 4 * 5 * 2 * 4 * 8 * 8


@pytest.fixture(scope="module")
def plans(tmp_path_factory, model_dir, dataset):
    """devices -> report of `train --plan` at a row a device."""
    found = {}
    for count in (2, 8):
        workdir = tmp_path_factory.mktemp("plans") / "run"
        arguments = train_arguments(model_dir, dataset, workdir, data__rows=count, remat="full")
        devices = f"--xla_force_host_platform_device_count={count} {QUICKLY}"
        found[count] = run_module(*arguments, "--plan", XLA_FLAGS=devices).stdout
        assert not workdir.exists()
    return found


def mib(text):
    number, unit = text.split()
    return float(number) * {"MiB": 1, "GiB": 1024}[unit]


def test_a_device_needs_no_more_where_there_are_more_devices(plans):
    two, eight = (mib(re.search(r"temporaries (\S+ \S+),", plans[n])[1]) for n in (2, 8))
    assert eight <= 1.05 * two  # all rows' activations would be four times as much


def test_no_activations_of_all_rows_travel(plans):
    """Neither through layers nor to the head: only parameters, and chunks of hidden states."""
    all_rows = 8 * 512 * 64 * 4 / 2**20
    largest = re.findall(r"largest array (\S+ \S+)", plans[8])
    assert largest
    assert max(map(mib, largest)) < all_rows / 2
