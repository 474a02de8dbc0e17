"""Shared by all tests: one small real data set and one small real model directory."""

import functools
import os
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

import fsspec
import pytest
from etils import epath
from fsspec.implementations.memory import MemoryFileSystem
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.launcher import Launcher

# Two processes test at once: threads of theirs would wait for each other longer than these matrices
# take. Read when numpy is imported, which nothing here does.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

ROOT = Path(__file__).parents[1]
# Without its new emitters XLA compiles for a CPU in much less time.
QUICKLY = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"


@functools.cache
def launcher() -> Launcher:
    return Launcher()


def run_module(
    *arguments: object, check: bool = True, cwd: Path = ROOT, **env: str
) -> subprocess.CompletedProcess:
    """Runs `python -m ARGUMENTS` from the project's root, as a user would."""
    arguments = [str(argument) for argument in arguments]
    result = launcher().run(arguments, cwd, {**os.environ, **env})
    if check and result.returncode:
        raise AssertionError(f"{arguments} exited {result.returncode}:\n{result.stderr[-4000:]}")
    return result


def hidden_modules() -> list[str]:
    """Installed for the tests, and not where users install the package: torch, for one.

    Its extras audit and beam are taken for installed, where they are.
    """
    installed = {canonicalize_name(found.name) for found in metadata.distributions()}
    required, waiting = set(), [("c2l-jax", ""), ("c2l-jax", "audit"), ("c2l-jax", "beam")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in required or name not in installed:
            continue
        required.add((name, extra))
        for requirement in map(Requirement, metadata.requires(name) or ()):
            if not requirement.marker or requirement.marker.evaluate({"extra": extra}):
                name = canonicalize_name(requirement.name)
                waiting += [(name, extra) for extra in ("", *requirement.extras)]
    names = {name for name, _ in required}
    return [
        module
        for module, owners in metadata.packages_distributions().items()
        if names.isdisjoint(map(canonicalize_name, owners))
    ]


def pytest_configure(config):
    """What one process compiles, no other compiles again, and quickly, since most of it runs a few
    times: before anything imports jax. What must not differ to the bit, or in speed, is compiled as
    users have it (XLA_FLAGS="")."""
    os.environ.setdefault("XLA_FLAGS", QUICKLY)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        config.compiled = tempfile.TemporaryDirectory(prefix="compiled-")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = config.compiled.name
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")
    # Two processes that write one file and a reader that finds half of it: it compiles anew.
    os.environ.setdefault("JAX_RAISE_PERSISTENT_CACHE_ERRORS", "false")


def pytest_unconfigure(config):
    if compiled := getattr(config, "compiled", None):
        compiled.cleanup()


@pytest.hookimpl(tryfirst=True)  # before that of pytest-xdist, which reads the marks
def pytest_collection_modifyitems(items):
    """Which tests run in one process: those of a game, which share its questions, those that look
    at one trained run, or those of a file. Groups that take long come first, games last: processes
    that take one group after another then end at about the same time."""
    items.sort(
        key=lambda item: (item.path.parent.name == "synth", "finished_run" not in item.fixturenames)
    )
    for item in items:
        if "finished_run" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("finished_run"))
            continue
        parameters = getattr(item, "callspec", None)
        named = parameters.params if parameters else {}
        game = named.get("game_name") or named.get("game") or named.get("name")
        group = item.path.stem
        if item.path.parent.name == "synth":
            group = game or group.removeprefix("test_")  # test_maze.py looks at maze's, too
        item.add_marker(pytest.mark.xdist_group(str(group)))


@pytest.fixture(scope="session", autouse=True)
def environment_of_commands():
    """Only what users have installed."""
    os.environ["PYTHONPATH"] = str(ROOT / "tests" / "as_installed")
    os.environ["HIDDEN_MODULES"] = ",".join(hidden_modules())
    yield
    if launcher.cache_info().currsize:
        launcher().close()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Path:
    """Two games at 112 px, a few records of each task and level: enough for the trainer."""
    out = tmp_path_factory.mktemp("dataset")
    options = ["--games", "maze,tictactoe", "--per-task", 8, "--seed", 7, "--size", 112]
    run_module("synth", "generate", "--out", out, *options)
    return out


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory, dataset) -> Path:
    """A model of the smallest preset, with a tokenizer of its own."""
    out = tmp_path_factory.mktemp("model") / "nano"
    run_module("c2l_jax.init_model", "--preset", "nano", "--data", dataset, "--out", out)
    return out


class Bucket(MemoryFileSystem):
    """Stands in for the file system of Google Cloud Storage, which can't append."""

    @classmethod
    def _strip_protocol(cls, path):
        return "/" + path.split("://")[-1].strip("/")

    def _open(self, path, mode="rb", **options):
        assert "a" not in mode, path
        return super()._open(path, mode, **options)


@pytest.fixture
def bucket(tmp_path, monkeypatch) -> epath.Path:
    """An empty bucket: one class for all tests, since paths keep the first that they meet."""
    for scheme in ("gcs", "gs"):
        fsspec.register_implementation(scheme, Bucket, clobber=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    return epath.Path("gs://bucket")
