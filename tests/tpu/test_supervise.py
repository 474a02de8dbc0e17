"""The supervisor with real commands that fail, are told to stop, or leave half-way."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.tpu.conftest import ROOT

# Exits with the codes that are left in a file, one a start, then with 0.
FAILING = """
import pathlib, sys
codes = pathlib.Path("codes")
left = codes.read_text().split()
codes.write_text(" ".join(left[1:]))
print("started with", *sys.argv[1:], flush=True)
sys.exit(int(left[0]) if left else 0)
"""
WAITING = """
import os, pathlib, signal, sys, time
def leave(*_):
    print("a checkpoint was saved", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
pathlib.Path("pid.new").write_text(str(os.getpid()))
os.rename("pid.new", "pid")
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "failing.py").write_text(FAILING)
    (tmp_path / "waiting.py").write_text(WAITING)
    (tmp_path / "codes").write_text("")
    return tmp_path


def supervise(folder, action: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tpu.supervise", action, "run", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ['PYTHONPATH']}"},
        capture_output=True,
        text=True,
    )


def pid_of_job(folder) -> int:
    """Once it is ready to be told to stop."""
    while not (folder / "pid").exists():
        time.sleep(0.02)
    return int((folder / "pid").read_text())


def run(folder, *words: str) -> tuple[int, str]:
    """Exit code and log."""
    result = supervise(folder, "run", "--pause", "0.01", *words)
    return result.returncode, (folder / "run/log").read_text()


def test_a_command_that_fails_is_started_again_and_its_log_reaches_the_bucket(folder):
    (folder / "codes").write_text("1 7")
    code, log = run(folder, "--logs", "bucket/logs", "--", "failing", "--note=it's five", "two")
    assert code == 0 and log.count("started with --note=it's five two\n") == 3
    for line in ("exit code 1; again in 0.01 s", "exit code 7; again in 0.02 s", "finished"):
        assert line in log
    assert [path.read_text() for path in (folder / "bucket/logs").iterdir()] == [log]


def test_it_gives_up_after_quick_failures_only(folder):
    (folder / "codes").write_text("1 " * 9)
    code, log = run(folder, "--tries", "3", "--", "failing")
    assert code == 3 and log.count("started") == 3 and "gave up, exit code 1" in log
    code, log = run(folder, "--tries", "1", "--quick", "0", "--", "failing")
    assert code == 0 and log.count("started") == 3 + 7


def test_a_mistake_of_the_user_is_not_repeated(folder):
    (folder / "codes").write_text("2 2")
    code, log = run(folder, "--", "failing")
    assert code == 2 and log.count("started") == 1 and "refused, exit code 2" in log


@pytest.mark.parametrize("done, starts", [(None, 3), (10, 3), (20, 1)])
def test_a_run_that_left_half_way_is_not_finished(folder, done, starts):
    """Another host went down, so that all saved and left: exit code 0, steps to go."""
    (folder / "work").mkdir()
    (folder / "work/config.json").write_text('{"steps": 20}')
    if done:  # of a shorter run in the same folder
        (folder / "work/summary.json").write_text(json.dumps({"steps": done}))
    source = FAILING.replace(
        "sys.exit(",
        "if len(left) == 1:\n"
        "    pathlib.Path('work/summary.json').write_text('{\"steps\": 20}')\n"
        "sys.exit(",
    )
    (folder / "failing.py").write_text(source)
    (folder / "codes").write_text("0 0 0")
    code, log = run(folder, "--", "failing", "--workdir=work")
    assert code == 0 and log.count("started") == starts


def test_a_bucket_out_of_reach_ends_nothing(folder):
    (folder / "file").write_text("")
    code, log = run(folder, "--logs", "file/logs", "--", "failing")
    assert code == 0 and "the log was not copied to file/logs" in log


def test_one_at_a_time_in_the_background_until_it_is_stopped(folder):
    words = ("--pause", "0.01", "--poll", "0.05")
    assert supervise(folder, "follow").returncode == 2  # nothing was started
    started = supervise(folder, "start", *words, "--", "waiting")
    assert started.returncode == 0, started.stderr
    assert "already" in supervise(folder, "start", "--", "failing").stdout
    assert "already" in supervise(folder, "run", "--", "failing").stderr
    pid_of_job(folder)
    stopped = supervise(folder, "stop", *words)
    assert "has stopped" in stopped.stdout
    followed = supervise(folder, "follow", *words)
    assert followed.returncode == 0
    assert (
        "a checkpoint was saved\n" in followed.stdout and "stopped, exit code 0" in followed.stdout
    )


@pytest.mark.parametrize("last", [signal.SIGTERM, signal.SIGKILL])
def test_a_machine_that_goes_down_is_not_the_end_of_the_job(folder, last):
    supervise(folder, "start", "--", "waiting")
    child, supervisor = pid_of_job(folder), int((folder / "run/lock").read_text())
    os.kill(supervisor, last)
    assert supervise(folder, "follow", "--poll", "0.05").returncode == 75
    if last == signal.SIGKILL:  # which nobody can pass on
        os.kill(child, signal.SIGKILL)
