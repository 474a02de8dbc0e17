"""Checks a cluster before it is paid to train: run it on all hosts at once.

  python -m tpu.preflight --bucket gs://BUCKET/preflight --run NAME            # one machine, SLURM
  python -m tpu.preflight --bucket ... --run NAME --tpu                        # worker of a pod
  python -m tpu.preflight --bucket ... --run NAME --coordinator HOST:PORT --processes N --process I

The processes say hello to the first one, which names those that don't come; jax connects them;
every one writes a file in the bucket and looks for those of all others; and they count devices,
multiply matrices and add up a number of every device. NAME must be new for each check and the same
on all hosts. A sentence and another exit code than 0 if anything is wrong.
"""

import argparse
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator

from c2l_jax import cluster
from c2l_jax.cluster import Place
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere, output_folder


def check_folder(folder: AnyPath, place: Place, timeout: float, poll: float):
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
                f"after {timeout:g} s no file of process {silent} of {len(place.hosts)} in "
                f"{folder}: do all hosts reach the same one?"
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
    given = (options.coordinator, options.processes, options.process)
    place = cluster.from_tpu() if options.tpu else cluster.find_place(*given)
    folder = anywhere(options.bucket) / options.run

    def say(what: str):
        print(f"process {place.process} ({socket.gethostname()}): {what}", flush=True)

    say("is up")
    with contextlib.ExitStack() as stack:
        # Looking for the others, waiting until they have all been found, connecting jax.
        with limit(f"process {place.process}: joining the others", 4 * options.timeout):
            stack.enter_context(cluster.joined(place, timeout=options.timeout))
        say(f"all {len(place.hosts)} are there")
        check_folder(folder, place, options.timeout, options.poll)
        say(f"writes and reads {folder}")
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
    for name, (kind, text) in cluster.FLAGS.items():
        parser.add_argument(f"--{name}", type=kind, help=text)
    check(parser.parse_args())


if __name__ == "__main__":
    main()
