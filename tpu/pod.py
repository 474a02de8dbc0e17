"""A pod of Cloud TPU from nothing to a running job. docs/pods.md walks through it.

  python -m tpu.pod create POD --accelerator-type v5litepod-16 [--spot]   asks, then waits for it
  python -m tpu.pod setup POD                    this commit and its packages, on all workers
  python -m tpu.pod preflight POD --bucket gs://BUCKET    their devices, network and bucket
  python -m tpu.pod launch POD --bucket gs://BUCKET -- c2l_jax.train --config ... --workdir ...
  python -m tpu.pod watch POD                    the log of worker 0, until the job is done
  python -m tpu.pod stop POD                     the job saves a checkpoint and leaves
  python -m tpu.pod delete POD                   asks

All take --zone and --project, --dry-run prints the commands and runs none. What was done already is
not done again, so that any of them can be repeated. `watch --restart`, with the flags of create and
launch, makes a pod that was preempted anew and goes on there. Needs gcloud, logged in.
"""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

from records.errors import UserError, exit_on_user_error

ROOT = Path(__file__).parents[1]
RUNTIMES = {  # https://cloud.google.com/tpu/docs/runtimes
    "v6e": "v2-alpha-tpuv6e",
    "v5p": "v2-alpha-tpuv5",
    "v5litepod": "v2-alpha-tpuv5-lite",
}
OLDER_RUNTIME = "tpu-ubuntu2204-base"
LOST = ("FAILED", "SUSPENDED")  # never comes back by itself
LEAVING = ("", "DELETING")
ENDED = {
    2: "can't go on with what it was given",
    3: "failed again and again",
}
INTERRUPTED = 75
ATTEMPTS = 20  # of `watch`, in a row: a pod that does not answer may be about to go


class Pod:
    """The commands, one method each; every gcloud command is printed before it runs."""

    def __init__(self, options: argparse.Namespace):
        self.options, self.name = options, options.pod

    def create(self):
        options = self.options
        family = self._needed("accelerator_type").split("-")[0]
        runtime = options.runtime_version or RUNTIMES.get(family, OLDER_RUNTIME)
        state = self._state(assumed="")
        if state:
            self._say(f"{self.name} exists and is {state}")
        else:
            self._ask(
                f"Create {self.name}, {options.accelerator_type}? It costs until it is deleted."
            )
            words = [
                *("queued-resources", "create", self.name, f"--node-id={self.name}"),
                f"--accelerator-type={options.accelerator_type}",
                f"--runtime-version={runtime}",
                *(["--spot"] if options.spot else []),
            ]
            self._run("create", self._gcloud(*words))
        last = None
        while (state := self._state(assumed="ACTIVE")) != "ACTIVE":
            if state in LOST or state in LEAVING:
                raise UserError(
                    f"{self.name} is {state or 'gone'}, and will not come: `delete` it, and choose "
                    "another zone or type if that happens again."
                )
            if state != last:
                self._say(f"{self.name} is {state}; waiting (Ctrl-C leaves, and it goes on)")
            last = state
            time.sleep(options.poll)
        self._say(f"{self.name} is ACTIVE")

    def setup(self):
        commit = self._output(["git", "rev-parse", "--short=12", "HEAD"], assumed="COMMIT").strip()
        if self._output(["git", "status", "--porcelain"], assumed="").strip():
            self._say("what is not committed does not go along")
        tree = Path(tempfile.gettempdir()) / f"c2l-jax-{commit}.tar.gz"
        archive = ["git", "archive", "--format=tar.gz", f"--output={tree}", "HEAD"]
        self._run("setup: packing the commit", archive)
        copy = ("tpu-vm", "scp", str(tree), f"{self.name}:c2l-jax.tar.gz", "--worker=all")
        self._run("setup: copying the commit", self._gcloud(*copy))
        self._run(
            "setup: installing",
            self._ssh(
                "rm -rf c2l-jax/new && mkdir -p c2l-jax/new && "
                "tar -xzf c2l-jax.tar.gz -C c2l-jax/new && bash c2l-jax/new/tpu/setup_worker.sh"
            ),
        )

    def preflight(self):
        folder = f"{self._needed('bucket').rstrip('/')}/preflight"
        described = self._output(
            self._gcloud("tpu-vm", "describe", self.name, "--format=json(networkEndpoints)"),
            assumed='{"networkEndpoints": []}',
        )
        hosts = [host.get("ipAddress", "?") for host in json.loads(described)["networkEndpoints"]]
        seconds = self.options.timeout
        words = ["--bucket", folder, "--run", uuid.uuid4().hex[:8], "--timeout", f"{seconds:g}"]
        command = self._ssh(self._module("tpu.preflight", *words, "--tpu"))
        heard = self._listen(command, r"process (\d+) \(\S+\): (is up|passed)", 4 * seconds)
        if self.options.dry_run:
            return
        if not hosts:
            raise UserError(f"{self.name} has no workers: `create` waits until it has.")
        for what, meaning in (("is up", "said nothing"), ("passed", "did not pass")):
            bad = [f"{i} ({at})" for i, at in enumerate(hosts) if (str(i), what) not in heard]
            if bad:
                raise UserError(
                    f"preflight: worker {', '.join(bad)} of {len(hosts)} {meaning}; more above."
                )
        self._say(f"all {len(hosts)} workers passed")

    def launch(self):
        job = self._needed("job")
        logs = f"{self._needed('bucket').rstrip('/')}/logs/{self.name}"
        words = ["start", "../run", "--logs", logs, "--", *job]
        self._run("launch", self._ssh(self._module("tpu.supervise", *words)))
        print(f"logs, copied each minute: {logs}")
        flag = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
        flag.add_argument("--workdir")
        if workdir := flag.parse_known_args(job)[0].workdir:
            print(shlex.join(["tensorboard", "--logdir", workdir]))

    def watch(self):
        options = self.options
        if options.restart:
            for name in ("accelerator_type", "bucket", "job"):
                self._needed(name)
            self._ask(f"Delete {self.name} and create it again whenever it is preempted?")
            options.yes = True
        steps, failures = [], 0  # what is to be done before there is a log again
        while failures < ATTEMPTS:
            state = self._state(assumed="ACTIVE")
            self._say(f"{self.name} is {state or 'gone'}")
            if state in LOST:
                steps = [self.delete, self.create, self.setup, self.launch]
            elif state in LEAVING and not steps:
                raise UserError(f"{self.name} was deleted; `create` makes another.")
            elif state == "ACTIVE" and not steps:
                began = time.monotonic()
                code = self._follow()
                if code == 0:
                    return self._say("the job is done")
                failures = 0 if time.monotonic() - began > options.poll else failures + 1
                steps = [self.launch] if code == INTERRUPTED else []
            if steps and not options.restart:
                raise UserError(
                    f"the job was interrupted, and {self.name} is {state}: `launch` again if that "
                    "is ACTIVE, or `delete` and `create` it; --restart does so by itself."
                )
            try:
                while steps:
                    steps[0]()
                    steps.pop(0)
            except UserError as error:
                failures += 1
                print(f"{error} Once more in {options.poll:g} s.", file=sys.stderr)
            time.sleep(options.poll)
        raise UserError(f"{self.name} did not answer, or could not be set up, {failures} times.")

    def _follow(self) -> int:
        """Prints the log of worker 0 until the job is done, or something comes between."""
        follow = self._ssh(self._module("tpu.supervise", "follow", "../run"), worker=0)
        code = self._run("watch", follow, accepted=range(256))
        if code in ENDED:
            raise UserError(f"the job {ENDED[code]} (above); mend it, and `launch` again.")
        return code

    def stop(self):
        self._run("stop", self._ssh(self._module("tpu.supervise", "stop", "../run")))

    def delete(self):
        state = self._state(assumed="ACTIVE")
        if not state:
            return self._say(f"{self.name} is gone already")
        self._ask(f"Delete {self.name}, which is {state}, with its disks?")
        words = ("queued-resources", "delete", self.name, "--force", "--quiet")
        self._run("delete", self._gcloud(*words))

    def _needed(self, name: str):
        """The value of a flag, or the job. Raises UserError where it was not given."""
        if value := getattr(self.options, name):
            return value
        if name == "job":
            raise UserError(
                f"{self.options.action} takes a job after --: -- c2l_jax.train --config ..."
            )
        raise UserError(f"{self.options.action} needs --{name.replace('_', '-')}.")

    def _state(self, assumed: str) -> str:
        """Of the queued resource; "" where there is none."""
        words = ("queued-resources", "list", f"--filter=name~/{self.name}$")
        return self._output(self._gcloud(*words, "--format=value(state.state)"), assumed).strip()

    def _gcloud(self, *words: str) -> list[str]:
        places = [f"--zone={self.options.zone}"]
        if self.options.project:
            places.append(f"--project={self.options.project}")
        return ["gcloud", "compute", "tpus", *words, *places]

    def _ssh(self, command: str, worker: int | str = "all") -> list[str]:
        words = ("tpu-vm", "ssh", self.name, f"--worker={worker}", f"--command={command}")
        return self._gcloud(*words)

    def _module(self, *words: str) -> str:
        """`python -m` on a worker, as its shell reads it."""
        return f"cd c2l-jax/src && ../venv/bin/python -m {shlex.join(words)}"

    def _say(self, what: str):
        if not self.options.dry_run:
            print(what, flush=True)

    def _ask(self, question: str):
        if self.options.yes or self.options.dry_run:
            return
        try:
            answer = input(f"{question} [y/N] ")
        except EOFError:
            answer = ""
        if answer.strip().lower() not in ("y", "yes"):
            raise UserError("not confirmed: nothing was done; --yes answers beforehand.")

    def _run(self, step: str, command: list[str], accepted=(0,)) -> int:
        """The exit code. Raises UserError where it is not an accepted one."""
        print(shlex.join(command), flush=True)
        if self.options.dry_run:
            return 0
        code = subprocess.run(command, cwd=ROOT).returncode
        if code not in accepted:
            raise UserError(f"{step} failed with exit code {code}; what it said is above.")
        return code

    def _output(self, command: list[str], assumed: str) -> str:
        """What a command prints that only looks; in a dry run what it is assumed to print."""
        if self.options.dry_run:
            print(shlex.join(command))
            return assumed
        result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if result.returncode:
            raise UserError(f"exit code {result.returncode} (see above) of {shlex.join(command)}")
        return result.stdout

    def _listen(self, command: list[str], pattern: str, seconds: float) -> set[tuple]:
        """Runs a command and passes on its lines; what the pattern finds in them.

        Ended after so many seconds with all that it started, some of which may hang.
        """
        print(shlex.join(command), flush=True)
        if self.options.dry_run:
            return set()
        found = set()
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                found.update(re.findall(pattern, line))
        finally:
            timer.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return found


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    actions = ("create", "setup", "preflight", "launch", "watch", "stop", "delete")
    parser.add_argument("action", choices=actions)
    parser.add_argument("pod", metavar="POD", help="its name, and that of the queued resource")
    parser.add_argument("--zone", required=True)
    parser.add_argument("--project", help="without it the one that gcloud is set to")
    parser.add_argument("--accelerator-type", help="like v5litepod-16, v5p-32, v6e-64")
    parser.add_argument("--runtime-version", help="without it the one for this type")
    parser.add_argument("--spot", action="store_true", help="cheaper, and may be preempted")
    parser.add_argument("--bucket", help="gs://..., for logs and the preflight")
    parser.add_argument("--timeout", type=float, default=300.0, help="of each preflight step, s")
    parser.add_argument("--poll", type=float, default=30.0, help="seconds between looks at the pod")
    parser.add_argument("--restart", action="store_true", help="watch: go on after preemption")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument("--dry-run", action="store_true", help="print the commands, run none")
    cut = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:cut])
    options.job = argv[cut + 1 :]
    if not re.fullmatch("[a-z]([a-z0-9-]*[a-z0-9])?", options.pod):
        raise UserError(f"{options.pod!r} can't name a pod: a letter, then a-z, 0-9 and -.")
    return options


@exit_on_user_error
def main():
    options = parse(sys.argv[1:])
    try:
        getattr(Pod(options), options.action)()
    except KeyboardInterrupt:  # the usual way to leave `watch`
        sys.exit(130)


if __name__ == "__main__":
    main()
