"""Paths as people have them: odd names, other working directories, buckets, and no room."""

import errno
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from etils import epath

from c2l_jax import chat, evaluate, init_model, preferences, rerank, sample
from c2l_jax.checkpoint import write_config
from c2l_jax.metrics import Metrics, read_metrics
from configs import forkme
from records import paths
from records.errors import UserError, is_disk_full
from tests.c2l_jax.conftest import train_arguments
from tests.conftest import ROOT, run_module

ODD = "a [1] ü #%20 'x'"
OLDER = Path(__file__).parent / "fixtures" / "older_run.tar.xz"


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    """A command of the package, as a user gives it in another working directory."""
    where = f"{ROOT}{os.pathsep}{os.environ['PYTHONPATH']}"
    return run_module(*arguments, cwd=cwd, PYTHONPATH=where)


# ------------------------------------------------------------------------------- names and places


def test_odd_names_and_relative_paths_work_from_anywhere(model_dir, dataset, tmp_path):
    home = tmp_path / ODD
    shutil.copytree(model_dir, home / "model")
    shutil.copytree(dataset, home / "data")
    settings = train_arguments("model", "data", "run")[5:]
    small = [s for s in settings if "config.steps" not in s and "checkpoint.every" not in s]
    train = ["c2l_jax.train", "--config", ROOT / "configs" / "tiny_sft.py", "--workdir", "run"]
    train += [*small, "--config.checkpoint.every=2"]
    run(*train, "--config.steps=3", cwd=home)
    told = run(*train, "--config.steps=4", cwd=home).stdout
    assert "resuming from step 3" in told and "steps: 3 before, 4 now" in told
    assert json.loads((home / "run" / "config.json").read_text())["model"] == str(home / "model")
    assert [line["step"] for line in read_metrics(home / "run")] == [1, 2, 3, 4]
    out = tmp_path / "elsewhere" / "eval"
    options = ["--split", "test", "--limit", 2, "--max-tokens", 2, "--rows", 2]
    run(
        "c2l_jax.evaluate",
        "--model",
        home / "run",
        "--data",
        home / "data",
        "--out",
        out,
        *options,
        cwd=tmp_path,
    )
    assert len((out / "responses.jsonl").read_text().splitlines()) == 2
    run(
        "c2l_jax.sample",
        "--model",
        f"{ODD}/run",
        "--data",
        f"{ODD}/data",
        "--out",
        "sampled",
        *options,
        "--n",
        2,
        cwd=tmp_path,
    )
    settings = json.loads((tmp_path / "sampled" / "sampling.json").read_text())
    assert settings["model"] == str(home / "run" / "model")
    assert settings["data"] == str(home / "data")


def test_an_older_run_resumes_and_is_evaluated(tmp_path):
    """Made by an earlier program, with relative paths, stopped at step 4 of 6."""
    with tarfile.open(OLDER) as packed:
        packed.extractall(tmp_path, filter="data")
    unbroken = {line["step"]: line["loss"] for line in read_metrics(tmp_path / "run")}
    options = ["--data", tmp_path / "data", "--limit", 2, "--max-tokens", 2, "--rows", 2]
    evaluated = ["--model", "run", "--split", "train", *options]
    run("c2l_jax.evaluate", *evaluated, "--out", "eval", cwd=tmp_path)
    assert json.loads((tmp_path / "eval" / "evaluation.json").read_text())["step"] == 4
    config = ROOT / "configs" / "tiny_sft.py"
    settings = ["model=model", "data.path=data", "steps=6", "checkpoint.every=2"]
    settings += ["checkpoint.keep=3", "data.rows=2", "log_every=1", "optimizer.warmup=0.0"]
    arguments = [f"--config.{setting}" for setting in settings]
    told = run("c2l_jax.train", "--config", config, "--workdir", "run", *arguments, cwd=tmp_path)
    assert "resuming from step 4" in told.stdout
    losses = {line["step"]: line["loss"] for line in read_metrics(tmp_path / "run")}
    assert losses == pytest.approx(unbroken, rel=1e-5)


def test_a_run_whose_model_is_elsewhere_falls_back_to_its_export(finished_run, tmp_path):
    workdir = shutil.copytree(finished_run[0], tmp_path / "run")
    settings = json.loads((workdir / "config.json").read_text())
    (workdir / "config.json").write_text(json.dumps(settings | {"model": "somewhere/else"}))
    from c2l_jax.models.loading import trained_from

    assert trained_from(workdir) == workdir / "model"
    shutil.rmtree(workdir / "model")
    with pytest.raises(UserError, match="'somewhere/else', which is no directory here"):
        trained_from(workdir)


def test_settings_that_a_run_began_without_are_told_and_taken(tmp_path, capsys):
    config = forkme.get_config()
    config.model, config.data.path = "model", "data"
    write_config(tmp_path, config)
    before = json.loads((tmp_path / "config.json").read_text())
    del before["dpo"]["score_end"], before["log_every"]
    (tmp_path / "config.json").write_text(json.dumps(before))
    write_config(tmp_path, config)
    assert "the run began without: dpo.score_end, log_every" in capsys.readouterr().out
    config.dpo.beta = 0.2
    with pytest.raises(UserError, match=r"dpo\.beta: 0\.1 there, 0\.2 now"):
        write_config(tmp_path, config)


# --------------------------------------------------------------------------------------- buckets


def put(source: Path, target: epath.Path) -> epath.Path:
    paths.upload(source, target)
    return target


def test_models_data_and_results_in_a_bucket(bucket, model_dir, dataset, responses, tmp_path):
    model, data = put(model_dir, bucket / "model"), put(dataset, bucket / "data")
    options = ["--model", str(model), "--data", str(data), "--split", "test", "--limit", "2"]
    options += ["--max-tokens", "2", "--rows", "2"]
    evaluate.main([*options, "--out", "gs://bucket/eval"])
    assert json.loads((bucket / "eval" / "evaluation.json").read_text())["data"] == str(data)
    assert any(path.name.startswith("events") for path in (bucket / "eval").iterdir())
    command = [*options, "--n", "2", "--out", "gs://bucket/sampled"]
    sample.main(command)
    written = (bucket / "sampled" / "responses.jsonl").read_bytes()
    (bucket / "sampled" / "responses.jsonl").write_bytes(written[:-50])  # as after a kill
    sample.main(command)
    assert (bucket / "sampled" / "responses.jsonl").read_bytes() == written
    sample.main([*command[:-1], str(tmp_path / "local")])
    assert (tmp_path / "local" / "responses.jsonl").read_bytes() == written
    sampled = put(responses, bucket / "responses")
    preferences.main(["--responses", str(sampled), "--out", "gs://bucket/pairs", "--rows", "2"])
    preferences.main(["--responses", str(responses), "--out", str(tmp_path / "pairs"), "--rows=2"])
    for path in (tmp_path / "pairs").rglob("*.array_record*"):
        kept = bucket / "pairs" / path.relative_to(tmp_path / "pairs").as_posix()
        assert kept.read_bytes() == path.read_bytes()


def test_a_run_directory_in_a_bucket(bucket, tmp_path):
    """All but the checkpoints, whose files Orbax writes to buckets by itself."""
    config = forkme.get_config()
    config.model, config.data.path = "gs://bucket/model", "gs://bucket/data"
    workdir = paths.output_folder(paths.anywhere("gs://bucket/runs/first"))
    write_config(workdir, config)
    write_config(workdir, config)
    assert json.loads((workdir / "config.json").read_text())["data"]["path"] == "gs://bucket/data"
    for start in (0, 2):
        metrics = Metrics(workdir, start=start, steps=4, writes=True)
        for step in range(start + 1, start + 4):
            metrics.scalars(step, {"loss": 1.0 / step})
        metrics.close()
    assert [line["step"] for line in read_metrics(workdir)] == [1, 2, 3, 4, 5]
    events = [path for path in workdir.iterdir() if path.name.startswith("events")]
    assert events and all(b"loss" in path.read_bytes() for path in events)


def test_a_bucket_is_copied_once_and_again_when_it_changes(bucket, tmp_path):
    (tmp_path / "there" / "deep").mkdir(parents=True)
    (tmp_path / "there" / "deep" / "a").write_text("one")
    folder = put(tmp_path / "there", bucket / "folder")
    copy = paths.local_copy(folder)
    assert (copy / "deep" / "a").read_text() == "one" and copy == paths.local_copy(folder)
    (folder / "deep" / "a").write_text("three")
    assert (paths.local_copy(folder) / "deep" / "a").read_text() == "three"


def test_an_unknown_sort_of_bucket_is_told():
    with pytest.raises(UserError, match="nope://x can't be reached"):
        paths.anywhere("nope://x")


# ------------------------------------------------------------------------------ what can't be done


@pytest.mark.parametrize("seed", ["-1"])
def test_bad_options_are_told_at_once(seed, tmp_path, capsys):
    common = ["--model", "m", "--data", "d", "--out", str(tmp_path / "out")]
    commands = [
        (sample.main, [*common, "--seed", seed]),
        (chat.main, ["--model", "m", "--question", "?", "--seed", seed]),
        (preferences.main, ["--responses", "r", "--out", str(tmp_path / "out"), "--seed", seed]),
        (
            rerank.main,
            ["--responses", "r", "--policy", "p", "--reference", "q", "--out", "o", "--seed", seed],
        ),
        (init_model.main, ["--data", "d", "--out", str(tmp_path / "out"), "--seed", seed]),
    ]
    for temperature in ("nan", "inf", "-1", "1e-40"):
        commands.append((sample.main, [*common, "--temperature", temperature]))
        question = ["--model", "m", "--question", "?", "--temperature", temperature]
        commands.append((chat.main, question))
    for main, arguments in commands:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        said = capsys.readouterr().err
        assert stopped.value.code == 2 and said.count("error: ") == 1, arguments
        assert "--seed -1" in said or "--temperature" in said
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_a_file_is_told_before_the_work(model_dir, dataset, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    common = ["--model", str(model_dir), "--data", str(dataset), "--out", str(taken)]
    commands = [
        (evaluate.main, common),
        (sample.main, common),
        (preferences.main, ["--responses", "r", "--out", str(taken / "deeper")]),
        (init_model.main, ["--preset", "nano", "--data", str(dataset), "--out", str(taken)]),
    ]
    for main, arguments in commands:
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        said = capsys.readouterr().err
        assert stopped.value.code == 2 and str(taken) in said.splitlines()[-1]
    done = run_module(*train_arguments(model_dir, dataset, taken), check=False)
    assert done.returncode == 2 and f"nothing can be written to {taken}" in done.stderr
    assert "Traceback" not in done.stderr and taken.read_text() == "mine"


def mounted(folder: Path, size: str, *options: str) -> bool:
    """A file system of that size at the folder, where we may mount one."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join([*options, f"size={size}"]), "none"]
    return not subprocess.run([*command, folder], capture_output=True).returncode


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(model_dir, dataset, tmp_path):
    workdir = tmp_path / "run"
    workdir.mkdir()
    if not mounted(workdir, "5m"):
        pytest.skip("needs the right to mount a small file system")
    try:
        settings = {"steps": 8, "checkpoint__every": 1, "checkpoint__keep": 8}
        arguments = train_arguments(model_dir, dataset, workdir, **settings)
        done = run_module(*arguments, check=False)
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert done.returncode == 2 and len(said) == 1 and "no room left" in said[0], done.stderr
        assert str(workdir) in said[0] and "Traceback" not in done.stderr
        whole = [path.name for path in (workdir / "checkpoints").iterdir() if path.name.isdigit()]
        assert whole and mounted(workdir, "64m", "remount")
        assert f"resuming from step {max(whole)}" in run_module(*arguments).stdout
        assert [line["step"] for line in read_metrics(workdir)] == list(range(1, 9))
    finally:
        subprocess.run(["umount", "--lazy", workdir], check=True)


def test_a_full_disk_is_known_by_number_and_by_words():
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "x")
    assert is_disk_full(full) and not is_disk_full(OSError(errno.ENOENT, "no", "x"))
    wrapped = RuntimeError("a save failed")
    wrapped.__cause__ = ValueError("INTERNAL: error writing: No space left on device")
    assert is_disk_full(wrapped) and not is_disk_full(ValueError("no")) and not is_disk_full(None)


# -------------------------------------------------------------------------- the user's own program


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("    config.nowhere.steps = 3", "AttributeError"),
        ("    config.steps = {}['steps']", "KeyError"),
        ("    config.steps = 1 / 0", "ZeroDivisionError"),
        ("    import nowhere", "ModuleNotFoundError"),
        ("    config.steps = = 3", "SyntaxError"),
        ("    config.steps = 'many'", "TypeError"),
    ],
)
def test_an_error_in_a_settings_program_shows_its_file_and_line(tmp_path, line, error):
    program = tmp_path / "mine.py"
    head = ["from configs import forkme", "", "", "def get_config():"]
    body = ["    config = forkme.get_config()", line, "    return config", ""]
    program.write_text("\n".join([*head, *body]))
    done = run_module(
        "c2l_jax.train", "--config", program, "--workdir", tmp_path / "run", check=False
    )
    (said,) = (text for text in done.stderr.splitlines() if text.startswith("error: "))
    assert done.returncode == 2 and f"{program}, line 6: {error}" in said, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "run").exists()


# ------------------------------------------------------------------------------------------ lines


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path):
    whole = '{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.0}\n'
    for cut in ('{"step": 3, "lo', '{"step": 3, "lo\n', ""):
        (tmp_path / "metrics.jsonl").write_text(whole + cut)
        assert [line["step"] for line in read_metrics(tmp_path)] == [1, 2]
    (tmp_path / "metrics.jsonl").write_text('{"st\n' + whole)
    with pytest.raises(json.JSONDecodeError):  # no kill leaves that
        read_metrics(tmp_path)
