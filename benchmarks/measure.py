"""Sides that take turns, each in a process of its own; their times, peak memory and the verdict."""

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType

import jax

from benchmarks import workload

MEMORY = (
    "peak memory of the side's own process, compilation included: resident (VmHWM), or on a GPU "
    "what JAX's or torch's allocator gave out there"
)


TOLERANCES = {"3b": 2e-2}  # of losses in bfloat16; else of those in float32


def parse_arguments(
    benchmark: str, explanation: str, arguments=None, own: Mapping[str, str] = MappingProxyType({})
) -> argparse.Namespace:
    """json and size; quick is a size for the tests. own: other options, with their help."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{benchmark}",
        description=explanation,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", action="store_true", help="print the line of JSON alone")
    parser.add_argument(
        "--size",
        choices=workload.SIZES,
        default="small",
        help="of the model: 8 M parameters in float32, or as Qwen2.5-VL-3B, with float32 "
        "parameters and bfloat16 products, for a GPU of 80 GB or more (default: %(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help=argparse.SUPPRESS)
    for name, text in own.items():
        parser.add_argument(f"--{name}", help=text)
    args = parser.parse_args(arguments)
    args.size = "quick" if args.quick else args.size
    return args


def say(text: str):
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def peak_mib() -> float:
    """Peak memory of this process so far, MiB: see MEMORY.

    VmHWM where there is one: ru_maxrss survives exec, so a child's would include its parent's.
    """
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() / 2**20
    if jax.default_backend() == "gpu":
        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _serve(connection, make: Callable, arguments: tuple):
    workload.configure()
    run, facts = make(*arguments)
    connection.send(facts)
    while connection.recv():
        began = time.perf_counter()
        result = run()
        connection.send((time.perf_counter() - began, result))
    connection.send(peak_mib())


class Side:
    """One way of doing the work: make(*arguments) -> (run, facts), called in a fresh process.

    `run()` does the work once and returns what is compared with other sides; `facts` is a dict.
    """

    def __init__(self, name: str, make: Callable, *arguments):
        self.name, self.seconds, self.results = name, [], []
        self.facts: dict = {}
        self.peak = 0.0  # MiB
        self._work = make, arguments

    def start(self):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *self._work), daemon=True)
        self._process.start()
        theirs.close()

    def wait(self):
        """Until it is ready to work."""
        self.facts = self._connection.recv()

    def turn(self, counts: bool):
        self._connection.send(True)
        seconds, result = self._connection.recv()
        self.results.append(result)
        if counts:
            self.seconds.append(seconds)

    def close(self):
        with contextlib.suppress(OSError, EOFError):
            self._connection.send(False)
            peak = self._connection.recv()
            if isinstance(peak, float):  # not the facts of one that others' failure ends
                self.peak = max(self.peak, peak)
        self._process.join(timeout=10)
        self._process.kill()
        self._process.join()

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def compare(*made: Side, rounds: int) -> list[Side]:
    """The sides with their times. On a GPU, which may hold but one, each is there alone, twice."""
    if not workload.ON_GPU:
        with sides(*made):
            take_turns(made, rounds)
    else:
        for side in (*made, *reversed(made)):
            with sides(side):
                take_turns([side], -(-rounds // 2))
    return list(made)


@contextlib.contextmanager
def sides(*made: Side) -> Iterator[tuple[Side, ...]]:
    """Waits until all are ready; they end with the block, which leaves their peak memory."""
    for side in made:
        side.start()
    try:
        for side in made:
            side.wait()
            say(f"  {side.name}: ready")
        yield made
    finally:
        for side in made:
            side.close()


def take_turns(made: Sequence[Side], rounds: int, warm_up: int = 1):
    """Rounds A B C C B A: noise on the machine hits every side alike."""
    for number in range(-warm_up, rounds):
        for side in made if number % 2 else reversed(made):
            side.turn(counts=number >= 0)
        if number >= 0:
            seconds = "  ".join(f"{s.name} {s.seconds[-1]:.3f} s" for s in made)
            say(f"  round {number + 1} of {rounds}: {seconds}")


def agreement(made: Sequence[Side], size: str) -> dict[str, list[float]]:
    """The sides' first three losses. Exits where they differ by more than the size's rounding."""
    tolerance = TOLERANCES.get(size, 1e-4)
    losses = {side.name: side.results[:3] for side in made}
    for step, (ours, *others) in enumerate(zip(*losses.values(), strict=True)):
        worst = max(abs(ours - other) for other in others)
        if worst > tolerance * max(1.0, abs(ours)):
            raise SystemExit(f"void: losses differ by {worst:.2g} before update {step}: {losses}")
    return losses


class Neighbours:
    """What other programs take of the cores while this benchmark runs (Linux; elsewhere None).

    `share()` is the part of all cores' time since the start that was neither idle nor used by this
    process and its children that have ended: close to 0 on a quiet machine.
    """

    def __init__(self):
        self._start = self._times()

    @staticmethod
    def _times() -> tuple[float, float, float] | None:
        """(busy, idle, our own) seconds of all cores; time a hypervisor stole counts as busy."""
        with contextlib.suppress(OSError):
            fields = [int(x) for x in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
            idle, ticks = sum(fields[3:5]), os.sysconf("SC_CLK_TCK")
            return (sum(fields) - idle) / ticks, idle / ticks, sum(os.times()[:4])

    def share(self) -> float | None:
        now = self._times()
        if now is None or self._start is None:
            return None
        busy, idle, ours = (b - a for a, b in zip(self._start, now, strict=True))
        return round(max(0.0, busy - ours) / (busy + idle), 3)


def machine() -> dict:
    """Processor, cores, GPU if that is what computed, and versions."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    versions = {"python": platform.python_version()}
    for name in ("jax", "flax", "torch", "transformers"):
        with contextlib.suppress(PackageNotFoundError):  # torch is for tests and benchmarks alone
            versions[name] = version(name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    gpu = {"gpu": jax.devices()[0].device_kind} if jax.default_backend() == "gpu" else {}
    return {"cpu": model, "cores": cores, **gpu, **versions}


def ratio(name: str, value: float, target: float | None, **more) -> dict:
    """A line of the result: the higher the better, met if it reaches the target, if any."""
    return {
        "name": name,
        "ratio": round(value, 3),
        "target": None if target is None else round(target, 3),
        "met": None if target is None else bool(value >= target),
        **more,
    }


def figures(made: Sequence[Side]) -> list[dict]:
    """The sides as in the JSON."""
    return [
        {
            "side": side.name,
            "best_s": round(side.best, 4),
            "median_s": round(side.median, 4),
            "slowest_s": round(max(side.seconds), 4),
            "rounds": len(side.seconds),
            "peak_mib": round(side.peak),
            **side.facts,
        }
        for side in made
    ]


def table(title: str, header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first to the left and the others to the right."""
    widths = [max(len(row[i]) for row in (header, *lines)) for i in range(len(header))]

    def line(cells):
        aligned = [cells[0].ljust(widths[0])]
        aligned += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "  ".join(aligned).rstrip()

    return "\n".join([title, line(header), *map(line, lines)])


def side_table(title: str, made: Sequence[Side]) -> str:
    header = ("side", "best s", "median s", "slowest s", "peak MiB")
    lines = [
        (s.name, f"{s.best:.3f}", f"{s.median:.3f}", f"{max(s.seconds):.3f}", f"{s.peak:,.0f}")
        for s in made
    ]
    return table(title, header, lines)


def ratio_table(ratios: Sequence[Mapping]) -> str:
    met = {True: "yes", False: "NO", None: "-"}
    lines = [
        (
            r["name"],
            f"{r['ratio']:.2f}",
            "-" if r["target"] is None else f"{r['target']:.2f}",
            met[r["met"]],
        )
        for r in ratios
    ]
    return table("ratios (of the best times)", ("what", "measured", "target", "met"), lines)


def report(
    benchmark: str, tables: Sequence[str], content: Mapping, neighbours: Neighbours, only_json: bool
):
    """Tables, then one JSON object as the last line; the line alone if only_json."""
    about = machine() | {"others_share_of_cores": neighbours.share()}
    if not only_json:
        about_text = ", ".join(f"{name} {value}" for name, value in about.items())
        print("\n" + "\n\n".join([*tables, about_text]) + "\n")
    print(json.dumps({"benchmark": benchmark, **content, "machine": about}), flush=True)
