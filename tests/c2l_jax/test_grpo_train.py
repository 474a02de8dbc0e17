"""Training on a model's own answers through the command line: it learns, resumes and shares."""

import json
import signal

import pytest

from c2l_jax import program
from c2l_jax.data.processor import Processor
from c2l_jax.metrics import read_metrics
from c2l_jax.models import weights
from c2l_jax.objectives import grpo
from c2l_jax.sharding import make_mesh
from configs import tiny_grpo
from records.reading import open_split
from tests.c2l_jax import bandit, cluster
from tests.c2l_jax.conftest import train_arguments
from tests.c2l_jax.test_train import start_and_signal
from tests.conftest import QUICKLY, run_module

STEPS = 6
SETTINGS = {
    "program": "tiny_grpo",
    "steps": STEPS,
    "updates": 2,
    "checkpoint__every": 2,
    "evaluation__every": 3,
    "evaluation__batches": 1,
    "data__rows": 8,
    "data__streams": 2,
    "data__row_tokens": 256,
    "data__row_targets": 40,
    "grpo__questions": 8,
    "grpo__group": 4,
    "grpo__max_tokens": 8,
    "grpo__kl": "k3",
    "grpo__kl_weight": 0.001,
    "grpo__rewards": "(('tests.c2l_jax.bandit:reward',1.0),)",
    "optimizer__lr": 0.05,
    "optimizer__lr_scale": "((r'^(vision|text)/', 0.0),)",
}


def figures(workdir) -> list[dict]:
    """All that does not tell how fast it went."""
    return [
        {name: v for name, v in line.items() if "second" not in name and "flops" not in name}
        for line in read_metrics(workdir)
    ]


@pytest.fixture(scope="module")
def player(tmp_path_factory, model_dir, dataset):
    return bandit.write(tmp_path_factory.mktemp("bandit") / "model", model_dir, dataset)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, player, dataset):
    workdir = tmp_path_factory.mktemp("grpo") / "run"
    run_module(*train_arguments(player, dataset, workdir, **SETTINGS))
    return workdir


def test_what_pays_is_learnt(finished):
    lines = figures(finished)
    assert 0.2 < lines[0]["reward"] < 0.8 and lines[-1]["reward"] == 1.0
    assert lines[0]["entropy"] > 0.1 > lines[-1]["entropy"]
    assert lines[-1]["groups/without_variance"] == 1 and lines[-1]["groups/kept"] == 0


def test_the_sampler_is_the_policy_that_is_trained(finished):
    """Drawn with a cache, one token after the other, and computed at once: in float32 the same."""
    for line in figures(finished):
        assert line["mismatch/max"] < 1 + 1e-5 and line["mismatch/share"] == 0


def test_everything_is_told(finished):
    line = read_metrics(finished)[0]
    names = "reward_std truncated length/mean length/max length/ended entropy kl/k1 kl/k3 clip/low "
    names += "clip/high mismatch/k1 grad_norm seconds/rollout seconds/reward seconds/reference "
    names += "seconds/old responses_per_second groups/drawn rewards/tests.c2l_jax.bandit:reward"
    assert set(names.split()) <= line.keys()
    assert any(name.startswith("reward/maze/") for name in line)
    evaluated = [line for line in read_metrics(finished) if "eval/accuracy" in line]
    assert [line["step"] for line in evaluated] == [3, 6]
    events = next(finished.glob("events.out.tfevents.*")).read_bytes()
    assert b"rollout" in events and b"(advantage " in events and b"PNG" in events


def test_killed_and_resumed_equals_unbroken(finished, player, dataset, tmp_path):
    arguments = train_arguments(player, dataset, tmp_path / "run", **SETTINGS)
    assert start_and_signal(arguments, tmp_path / "run", 3, signal.SIGKILL) == -signal.SIGKILL
    run_module(*arguments)
    assert json.dumps(figures(tmp_path / "run")) == json.dumps(figures(finished))


def test_the_ratio_is_one_at_the_first_of_several_updates(player, dataset, tmp_path):
    """The old policy is the one that is there when a step begins, whoever drew the responses."""
    config = tiny_grpo.get_config()
    config.model, config.data.path, config.updates = str(player), str(dataset), 2
    config.data.rows, config.data.row_tokens, config.data.row_targets = 4, 256, 40
    config.grpo.update({"questions": 4, "group": 4, "max_tokens": 8, "draws": 3})
    config.grpo.update({"clip_low": 1e-4, "clip_high": 1e-4})
    config.grpo.rewards = (("tests.c2l_jax.bandit:reward", 1.0),)
    mesh, processor = make_mesh(config.mesh), Processor(player)
    made, split = program.build(config, grpo, mesh), open_split(dataset, "train")
    source = grpo.source(split, processor, config, mesh=mesh, workdir=tmp_path)
    params = weights.load(player, made.places)
    (part,), _, _ = source.next(params)
    sums = made.evaluate(params, part)
    assert sums["weight"] > 0 and sums["clip/low"] == sums["clip/high"] == 0
    assert sums["mismatch/max"] < 1 + 1e-5
    pays = processor.response("# Answer: C")[-2]
    params["head"] = params["head"].at[pays].multiply(1.05)
    later = made.evaluate(params, part)
    assert later["clip/low"] > 0 and later["clip/high"] > 0


def assert_as_in(finished, workdir):
    """Up to rounding, which the first update makes larger; terms of losses cancel out to 0.02."""
    lines = figures(workdir)
    for line, expected in zip(lines, figures(finished)[: len(lines)], strict=True):
        for name in ("reward", "loss", "grad_norm", "entropy", "kl/k3", "length/mean"):
            assert line[name] == pytest.approx(expected[name], rel=1e-5, abs=5e-6), name


def test_eight_devices_with_split_groups_equal_one(finished, player, dataset, tmp_path):
    settings = SETTINGS | {"steps": 2, "evaluation__every": 0, "mesh__tensor": 2}
    settings |= {"data__row_targets": 12}  # so that a group is split up, and there are more parts
    flags = f"{QUICKLY} --xla_force_host_platform_device_count=8"
    run_module(*train_arguments(player, dataset, tmp_path / "run", **settings), XLA_FLAGS=flags)
    assert_as_in(finished, tmp_path / "run")


def test_two_processes_sample_on_their_own_and_equal_one(finished, player, dataset, tmp_path):
    settings = SETTINGS | {"steps": 1, "evaluation__every": 0}
    arguments = train_arguments(player, dataset, tmp_path / "run", **settings)
    for member in cluster.start(arguments, 2):
        ended = member.wait()
        assert ended.returncode == 0, ended.stderr[-3000:]
    assert_as_in(finished, tmp_path / "run")


def test_adapters_without_which_the_model_is_the_reference(player, dataset, tmp_path):
    settings = SETTINGS | {"steps": 1, "evaluation__every": 0, "lora__rank": 2}
    settings |= {"optimizer__lr_scale": "()", "grpo__kl": "k2", "grpo__surrogate": "gspo"}
    run_module(*train_arguments(player, dataset, tmp_path / "run", **settings))
    (line,) = read_metrics(tmp_path / "run")
    assert line["grad_norm"] > 0 and line["kl/k3"] > 0 and line["mismatch/max"] < 1 + 1e-5
    assert "seconds/reference" not in line  # it is computed in the step


def test_a_run_whose_responses_are_cut_off_stops(player, dataset, tmp_path):
    settings = SETTINGS | {"grpo__max_tokens": 3, "updates": 1, "grpo__kl": "none"}
    settings |= {"evaluation__every": 0, "grpo__questions": 2}
    arguments = train_arguments(player, dataset, tmp_path / "run", **settings)
    done = run_module(*arguments, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "of the first 16 responses were cut off at config.grpo.max_tokens = 3" in done.stderr
