"""One whole training run through the command line, shared by the tests that need a trained run."""

from pathlib import Path

import pytest

from tests.conftest import run_module

STEPS = 12


def train_arguments(model_dir: Path, dataset: Path, workdir: Path, **settings) -> list[str]:
    """The command line of a small run; settings use "__" for a dot."""
    defaults = {
        "model": model_dir,
        "data.path": dataset,
        "steps": STEPS,
        "log_every": 1,
        "checkpoint.every": 4,
        "data.rows": 4,
        "data.row_tokens": 512,
        "data.row_windows": 4,
    }
    chosen = defaults | {name.replace("__", "."): value for name, value in settings.items()}
    command = ["c2l_jax.train", "--config", "configs/tiny_sft.py", "--workdir", str(workdir)]
    return command + [f"--config.{name}={value}" for name, value in chosen.items()]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, model_dir, dataset) -> tuple[Path, str]:
    """(working directory, stderr) of a run that nothing disturbed."""
    workdir = tmp_path_factory.mktemp("runs") / "unbroken"
    arguments = train_arguments(model_dir, dataset, workdir)
    result = run_module(*arguments, JAX_LOG_COMPILES="1")
    return workdir, result.stderr
