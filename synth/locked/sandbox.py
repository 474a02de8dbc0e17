"""What a locked process is started from: a folder with all that it may see, and a command.

The process locks itself (`lock`), always. Around that may be a bubblewrap or a container, for which
Linux then is another one: without our processes, network and files.
"""

import dataclasses
import json
import os
import secrets
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from records.errors import UserError
from synth import code

LARGEST = 16 << 20  # bytes of a file of foreign code
HERE = Path(__file__).parent
INSIDE = "/inside"  # the folder's name in a container


@dataclasses.dataclass(frozen=True)
class Sandbox:
    """around: "lock" (nothing), "bwrap" or "container"; image: of the container.

    folder: has a folder KIND-NAME for each game and oracle.
    """

    around: str
    image: str | None
    folder: Path

    def command(self, kind: str, name: str, config: dict) -> list[str]:
        home = self.folder / f"{kind}-{name}"
        packages = str(Path(find_spec("numpy").origin).parents[1])
        start = [os.path.realpath(sys.executable), "-I", "-S", "-B", "-X", "utf8"]
        start += [f"{home}/child.py", json.dumps(config | {"packages": packages})]
        if self.around == "bwrap":
            return [*_bwrap(home, packages), *start]
        if self.around == "container":
            config = json.dumps(config | {"packages": None})
            inside = ["python3", "-I", "-B", "-X", "utf8", f"{INSIDE}/child.py", config]
            return [*_container(home, config), self.image, *inside]
        return start

    def environment(self) -> dict[str, str]:
        """Nothing of ours, but for the client of a container, which does not hand it on."""
        own = {"OPENBLAS_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}
        return dict(os.environ) if self.around == "container" else own

    def ended(self, process: subprocess.Popen) -> None:
        """A container outlives its client."""
        if self.around == "container":
            tool, name = process.args[0], process.args[process.args.index("--name") + 1]
            subprocess.run([tool, "kill", name], capture_output=True)

    def add_game(self, name: str) -> None:
        """The game and what it imports of this package. Raises UserError for what is no file."""
        home = self._home("game", name)
        for module, path in code.sources_of([name]).items():
            target = home / module.replace(".", "/")
            if path.name == "__init__.py":
                target.mkdir(parents=True, exist_ok=True)
                for file in (path, *code.data_of(path)):
                    _copy(file, target / file.name)
            else:
                _copy(path, target.with_suffix(".py"))
        for module in ("records", "records.errors", "records.schema"):
            path = code.module_file(module)
            _copy(path, home / "records" / path.name)

    def add_oracle(self, name: str, file: Path) -> None:
        """This file alone, so that nothing else can be asked."""
        home = self._home("oracle", name)
        _copy(HERE.parent / "oracle.py", home / "oracle.py")
        _copy(file, home / "oracles" / f"{name}.py")

    def _home(self, kind: str, name: str) -> Path:
        home = self.folder / f"{kind}-{name}"
        for file in ("child.py", "lock.py"):
            _copy(HERE / file, home / file)
        return home


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink() or not source.is_file() or source.stat().st_size > LARGEST:
        raise UserError(f"{source} is no ordinary file of at most {LARGEST >> 20} MiB.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _bwrap(home: Path, packages: str) -> list[str]:
    """Namespaces of its own for everything, and a file system of what Python needs, read only."""
    tool = shutil.which("bwrap")
    if tool is None:
        raise UserError("--sandbox bwrap needs bubblewrap, which is not installed.")
    libraries = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", sys.base_prefix]
    libraries += [f"{packages}/{name}" for name in ("numpy", "numpy.libs", "PIL", "pillow.libs")]
    shown = [part for path in libraries for part in ("--ro-bind-try", path, path)]
    return [
        *(tool, "--unshare-user", "--unshare-all", "--disable-userns"),
        *("--uid", "65534", "--gid", "65534", "--hostname", "sandbox", "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session"),
        *shown,
        *("--ro-bind", str(home), str(home), "--dev", "/dev", "--remount-ro", "/dev"),
        *("--remount-ro", "/", "--chdir", "/", "--"),
    ]


def _container(home: Path, config: str) -> list[str]:
    tool = shutil.which("docker") or shutil.which("podman")
    if tool is None:
        raise UserError("--sandbox container needs docker or podman, and there is neither.")
    for path in (home, *home.rglob("*")):  # the user of the container must read them
        path.chmod(0o755 if path.is_dir() else 0o644)
    memory = str(json.loads(config)["memory"])
    return [
        *(tool, "run", "--rm", "--interactive", "--name", f"synth-{secrets.token_hex(8)}"),
        *("--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "65534:65534"),
        *("--security-opt", "no-new-privileges", "--pids-limit", "16", "--memory", memory),
        *("--env", "OPENBLAS_NUM_THREADS=1", "--volume", f"{home}:{INSIDE}:ro"),
    ]
