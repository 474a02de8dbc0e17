"""Attacks in every sandbox that this machine has; and a sandbox with a hole is never used."""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from records.errors import UserError
from synth.locked import opening, sandbox
from synth.locked.client import LockedOracle
from synth.locked.process import STDERR, Failed, Limits, Process
from synth.locked.sandbox import Sandbox
from tests.conftest import ROOT
from tests.synth.locked import attacks
from tests.synth.locked.table import SANDBOXES, attack, made, under_attack


@pytest.fixture(params=SANDBOXES)
def home(request, tmp_path) -> Sandbox:
    return made(request.param, tmp_path)


def test_no_attack_gets_through(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TESTS", "secret")
    with under_attack(home, tmp_path) as (process, known):
        through = {}
        for name in attacks.REFUSED:
            try:
                through[name] = attack(process, name, known)
            except Failed:
                assert process.alive(), name
        assert through == {} and attack(process, "alive", known) == "alive"
        assert process._last_words.seek(0, os.SEEK_END) == STDERR
    assert len(attacks.ORACLES) > 85
    assert not list(tmp_path.rglob("evil*"))


def test_what_ends_a_process_is_told(home):
    told = {
        "exit_silently": "ended with code 0",
        "crash": "ended by SIGSEGV",
        "kernel_x32": "ended by SIGSYS",
        "kernel_32_bits": "ended by SIGSYS",
        "loop": "ended by SIGKILL",
        "loop_through_signals": "ended by SIGKILL",
        "sleep": "has not answered in time",
        "reply_without_end": "said more than 8388608 bytes",
        "reply_no_json": "sent what is no JSON",
        "reply_deep_json": "sent what is no JSON",
        "reply_huge_number": "sent what is no JSON",
        "reply_to_another": "sent a reply to another question than solve",
        "reply_closed": "closed its pipe",
    }
    assert told.keys() == attacks.FATAL.keys()
    for name, sentence in told.items():
        if home.around == "bwrap" and name == "reply_closed":  # bwrap still holds the other end
            sentence = "has not answered in time"
        limits = Limits(seconds=1, reply_seconds=3 if "in time" in sentence else 60)
        with contextlib.closing(Process(home, "oracle", "attacks", limits)) as process:
            with pytest.raises(Failed) as failed:
                attack(process, name, {})
            if home.around == "lock" or "SIG" not in sentence:  # bwrap tells it as a code
                assert sentence in str(failed.value)
            assert attack(process, "alive", {}) == "alive"  # by a fresh one


def test_after_three_ends_a_process_is_left_alone(home):
    with contextlib.closing(Process(home, "oracle", "attacks", Limits())) as process:
        for _ in range(3):
            with pytest.raises(Failed, match="ended with code 0"):
                attack(process, "exit_silently", {})
        with pytest.raises(Failed, match="is not asked any more after 3 faults"):
            attack(process, "alive", {})


def test_a_life_has_so_many_calls(tmp_path):
    """What foreign code keeps in mind is forgotten then."""
    (tmp_path / "counting.py").write_text(
        "asked = []\ndef count(state, params):\n    asked.append(1)\n    return str(len(asked))\n"
        "ORACLES = {'count': count}\n"
    )
    made = Sandbox("lock", None, tmp_path)
    made.add_oracle("counting", tmp_path / "counting.py")
    with contextlib.closing(Process(made, "oracle", "counting", Limits(calls=3))) as process:
        said = [process.ask("solve", task="count", state=str(n), params="{}") for n in range(7)]
    assert said == ["1", "2", "3", "1", "2", "3", "1"]
    assert asking_each_time_anew(made, tmp_path) == (None, [False, True])


def asking_each_time_anew(made: Sandbox, folder: Path):
    """An oracle that judges, in a process for solving and another one for judging."""
    (folder / "judging.py").write_text(
        "ORACLES = {'even': lambda state, params: lambda text: int(text) % 2 == 0}\n"
    )
    made.add_oracle("judging", folder / "judging.py")
    question = "even", "{}", "{}"
    oracle = LockedOracle(Process(made, "oracle", "judging", Limits(calls=1)), "judging")
    with contextlib.closing(oracle):
        return oracle.solve(*question), oracle.judge(*question, ["1", "2"])


HOLES = {  # lines of lock.py without which the self-test must find these
    "    _landlock(paths, listed)\n": {"read_outside", "write_inside", "change_own_code"},
    "    install(program(at), at)\n": {"udp", "unix", "fork", "thread"},
    "        (resource.RLIMIT_AS, memory),\n": {"more_memory"},
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_sandbox_with_a_hole_is_refused(hole, tmp_path, monkeypatch):
    shutil.copytree(sandbox.HERE, tmp_path / "synth" / "locked")
    shutil.copyfile(sandbox.HERE.parent / "oracle.py", tmp_path / "synth" / "oracle.py")
    file = tmp_path / "synth" / "locked" / "lock.py"
    text = file.read_text()
    assert text.count(hole) == 1
    file.write_text(text.replace(hole, ""))
    monkeypatch.setattr(sandbox, "HERE", tmp_path / "synth" / "locked")
    with pytest.raises(UserError) as refused, opening.locked_in("lock", [], {}):
        pass
    told = str(refused.value)
    assert "the sandbox lock does not hold; through came: " in told
    through = set(told.rpartition(": ")[2].removesuffix(".").split(", "))
    assert HOLES[hole] <= through and "alive" not in through


HIDE = """
import os, sys
from synth.locked import lock
at = list(lock.MACHINES).index(sys.argv[1])
hidden = {"landlock": (444,) * 2, "seccomp": lock.SECCOMP, "capset": lock.CAPSET}[sys.argv[2]][at]
lock._libc.prctl(lock.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
missing = (lock.RETURN, 0, 0, 0x00050000 | 38)  # ENOSYS
lock.install([(lock.LOAD, 0, 0, 0), (lock.IS, 0, 1, hidden), missing,
              (lock.RETURN, 0, 0, lock.ALLOW)], at)
os.execv(sys.executable, [sys.executable, "-m", "synth", *sys.argv[3:]])
"""


@pytest.mark.parametrize("hidden", ["landlock", "seccomp", "capset"])
def test_a_kernel_without_a_lock_is_refused(hidden, tmp_path):
    """Hidden from all our processes, as in a kernel that does not have it."""
    command = ["generate", "--locked", "--sandbox", "lock", "--games", "maze", "--per-task", "1"]
    done = subprocess.run(
        [sys.executable, "-c", HIDE, platform.machine(), hidden, *command, "--out", tmp_path / "d"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "this machine can't lock games in" in done.stderr and "not implemented" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not list(tmp_path.rglob("*.array_record*"))


def test_a_sandbox_that_is_not_there_is_told():
    for asked in ("none", "container", "bwrap:x", ""):
        with pytest.raises(UserError, match=f"there is no sandbox '{asked}'"):
            opening.locked_in(asked, [], {}).__enter__()
