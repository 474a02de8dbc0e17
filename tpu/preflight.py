"""Checks a cluster before it is paid to train: run it on all hosts at once.

  python -m tpu.preflight --bucket gs://BUCKET/preflight --run NAME            # one machine, SLURM
  python -m tpu.preflight --bucket ... --run NAME --tpu                        # worker of a pod
  python -m tpu.preflight --bucket ... --run NAME --coordinator HOST:PORT --processes N --process I

Every process writes a file in the bucket and waits for those of all others, so that a time-out can
name who is silent; then jax connects them, and they count devices, multiply matrices and add up a
number of every device. NAME must be new for each check and the same on all hosts. Exit code 2 and
a sentence if anything is wrong.
"""

import argparse
import contextlib
import dataclasses
import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator

from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere, output_folder

METADATA = "http://{}/computeMetadata/v1/instance/attributes/{}"


@dataclasses.dataclass(frozen=True)
class Place:
    """Which process this is, and where the others are."""

    process: int
    hosts: tuple[str, ...]  # one name a process
    coordinator: str | None = None  # HOST:PORT of process 0; jax finds it itself on TPU and SLURM


def find_place(options: argparse.Namespace) -> Place:
    """From the flags, the metadata server of a TPU, or SLURM's variables."""
    if options.coordinator:
        names = [options.coordinator, *["host unknown"] * (options.processes - 1)]
        return Place(options.process, tuple(names), options.coordinator)
    if options.tpu:
        endpoints = tpu_metadata("worker-network-endpoints").split(",")
        hosts = tuple(endpoint.split(":")[-1] for endpoint in endpoints)
        return Place(int(tpu_metadata("agent-worker-number")), hosts)
    if "SLURM_PROCID" in os.environ:
        nodes, count = os.environ["SLURM_STEP_NODELIST"], int(os.environ["SLURM_NTASKS"])
        return Place(int(os.environ["SLURM_PROCID"]), (f"one of {nodes}",) * count)
    return Place(0, (socket.gethostname(),))


def tpu_metadata(key: str) -> str:
    """What Cloud TPU tells its virtual machines. Raises UserError elsewhere."""
    server = os.environ.get("GCE_METADATA_IP", "metadata.google.internal")  # as in jax
    request = urllib.request.Request(
        METADATA.format(server, key), headers={"Metadata-Flavor": "Google"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.read().decode().strip()
    except OSError as error:
        raise UserError(
            f"{socket.gethostname()}: no {key} from the metadata server ({error}): --tpu is for "
            "workers of a TPU pod."
        ) from error


def roll_call(folder: AnyPath, place: Place, timeout: float, poll: float):
    """Leaves a file in the folder and waits for all others' files.

    Raises UserError that names every process whose file is missing after `timeout` seconds.
    """
    mine = output_folder(folder) / str(place.process)
    mine.write_text(socket.gethostname())
    if (found := mine.read_text()) != socket.gethostname():
        raise UserError(f"{mine} was written and then read as {found!r}: another bucket, please.")
    missing, deadline = set(range(len(place.hosts))), time.monotonic() + timeout
    while missing := {i for i in missing if not (folder / str(i)).exists()}:
        if time.monotonic() > deadline:
            silent = ", ".join(f"{i} ({place.hosts[i]})" for i in sorted(missing))
            raise UserError(
                f"after {timeout:g} s no word from process {silent} of {len(place.hosts)}: is it "
                "up, was it set up, can it write to the bucket?"
            )
        time.sleep(poll)


@contextlib.contextmanager
def limit(what: str, seconds: float) -> Iterator[None]:
    """Ends the process if what happens inside takes longer: nothing else interrupts a collective,
    and whoever hangs keeps the devices."""

    def give_up():
        print(f"error: {what} took longer than {seconds:g} s", file=sys.stderr, flush=True)
        os._exit(2)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()  # after an error it goes on: leaving the others can hang, too


def join(place: Place, timeout: float):
    """Connects this process with the others."""
    import jax

    if place.coordinator:
        jax.distributed.initialize(
            place.coordinator,
            len(place.hosts),
            place.process,
            initialization_timeout=int(timeout),
        )
    elif len(place.hosts) > 1:
        jax.distributed.initialize(initialization_timeout=int(timeout))


def check_counts(place: Place):
    """Raises UserError where jax has found other processes or not all devices of all hosts."""
    import jax

    if jax.process_count() != len(place.hosts):
        raise UserError(
            f"jax sees {jax.process_count()} processes of {len(place.hosts)}: was it started on "
            "all hosts, with the same flags?"
        )
    counts = [0] * jax.process_count()
    for device in jax.devices():
        counts[device.process_index] += 1
    if len(set(counts)) > 1:
        raise UserError(f"the processes have {counts} devices, which should be equal numbers.")


def check_matmul():
    """Small whole numbers, whose products and sums are exact in any format."""
    import jax
    import numpy as np

    a_nn, b_nn = np.random.default_rng(0).integers(-2, 3, (2, 256, 256)).astype(np.float32)
    for device in jax.local_devices():
        product = jax.device_put(a_nn, device) @ jax.device_put(b_nn, device)
        if not np.array_equal(np.asarray(product), a_nn @ b_nn):
            raise UserError(f"{device} multiplies wrongly: return this machine.")


def check_all_reduce():
    """1 + 2 + ... over all devices of all hosts."""
    import jax
    import numpy as np
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    count = jax.device_count()
    mesh = Mesh(np.array(jax.devices()), ("all",))
    numbers_d = jax.make_array_from_callback(
        (count,),
        NamedSharding(mesh, PartitionSpec("all")),
        lambda index: np.arange(1, count + 1, dtype=np.float32)[index],
    )
    total = jax.jit(lambda x_d: x_d.sum(), out_shardings=NamedSharding(mesh, PartitionSpec()))
    if (found := float(total(numbers_d))) != count * (count + 1) / 2:
        raise UserError(f"adding up 1 to {count} over all devices gives {found:g}.")


def check(options: argparse.Namespace):
    place = find_place(options)
    folder = anywhere(options.bucket) / options.run

    def say(what: str):
        print(f"process {place.process} ({socket.gethostname()}): {what}", flush=True)

    say("is up")
    roll_call(folder, place, options.timeout, options.poll)
    say(f"writes and reads {folder}; all {len(place.hosts)} are there")
    with limit(f"process {place.process}: connecting to {place.hosts[0]}", options.timeout):
        join(place, options.timeout)
    import jax

    with limit(f"process {place.process}: the check of its devices", options.timeout):
        check_counts(place)
        devices = jax.local_devices()
        say(
            f"{len(devices)} x {devices[0].device_kind}, with all others {jax.device_count()} "
            f"devices in {jax.process_count()} processes"
        )
        check_matmul()
        check_all_reduce()
    (folder / str(place.process)).unlink()  # all have seen it, or the sum would not have come
    say("passed")


@exit_on_user_error
def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bucket", required=True, help="folder that all hosts reach")
    parser.add_argument("--run", required=True, help="new for each check, the same on all hosts")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for each step")
    parser.add_argument("--poll", type=float, default=2.0, help="seconds between looks")
    parser.add_argument("--tpu", action="store_true", help="ask the metadata server who this is")
    parser.add_argument("--coordinator", help="HOST:PORT of process 0")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--process", type=int, default=0)
    check(parser.parse_args())


if __name__ == "__main__":
    main()
