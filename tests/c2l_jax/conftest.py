"""One whole training run through the command line, shared by the tests that need a trained run."""

from pathlib import Path

import pytest

from tests.c2l_jax import sampled, speaking
from tests.conftest import run_module

STEPS = 12


def train_arguments(
    model_dir: Path, dataset: Path, workdir: Path, program: str = "tiny_sft", **settings
) -> list[str]:
    """The command line of a small run; settings use "__" for a dot."""
    defaults = {
        "model": model_dir,
        "data.path": dataset,
        "steps": STEPS,
        "log_every": 1,
        "checkpoint.every": 4,
        "data.rows": 4,
        "data.row_tokens": 512,
        "data.row_tiles": 4,
    }
    chosen = defaults | {name.replace("__", "."): value for name, value in settings.items()}
    command = ["c2l_jax.train", "--config", f"configs/{program}.py", "--workdir", str(workdir)]
    return command + [f"--config.{name}={value}" for name, value in chosen.items()]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, model_dir, dataset) -> tuple[Path, str]:
    """(working directory, stderr) of a run that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("runs") / "unbroken"
    arguments = train_arguments(model_dir, dataset, workdir)
    result = run_module(*arguments, JAX_LOG_COMPILES="1", XLA_FLAGS="")
    return workdir, result.stderr


@pytest.fixture(scope="session")
def model_that_says_a(tmp_path_factory, model_dir, dataset) -> Path:
    """A model that answers every question with "# Answer: A"."""
    out = tmp_path_factory.mktemp("speaking") / "model"
    return speaking.write(out, model_dir, dataset, "# Answer: A")


@pytest.fixture(scope="session")
def responses(tmp_path_factory, model_dir, dataset) -> Path:
    """A directory of responses, as if sampled from the small model."""
    return sampled.write(tmp_path_factory.mktemp("responses") / "out", model_dir, dataset)


@pytest.fixture(scope="session")
def pairs(tmp_path_factory, responses) -> tuple[Path, str]:
    """(preference pairs made of them by the command, what it printed)."""
    out = tmp_path_factory.mktemp("pairs") / "out"
    options = ["--responses", responses, "--out", out, "--validation", 0.2]
    return out, run_module("c2l_jax.preferences", *options).stdout
