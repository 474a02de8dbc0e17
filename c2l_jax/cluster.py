"""Several processes as one job: who takes part, a start that names the missing, a common end.

`find_place` finds the other processes by flags, SLURM's variables or what a TPU pod says of itself.
In `joined` they say hello to process 0 at the port after jax's coordinator, since jax's own
time-out ends a process without naming anybody. The connections stay: a process that ends before the
others closes its own, whatever ended it, and the others leave with a sentence instead of waiting in
a collective for ever.
"""

import atexit
import contextlib
import dataclasses
import os
import re
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator

from records.errors import UserError, is_disk_full

METADATA = "http://{}/computeMetadata/v1/instance/attributes/{}"
TPU_PORT = 8482  # jax's choice, too
GRACE = 10.0  # seconds in which a process may say itself why it fails, as another one did
NEWS = 3.0  # seconds in which a process learns that another one has ended
KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}  # s, s, times: 30 s
FLAGS = {
    "coordinator": (
        str,
        "HOST:PORT of process 0, for several processes outside SLURM and TPU pods",
    ),
    "processes": (int, "how many there are"),
    "process": (int, "which of 0, 1, ... this is"),
}
LAST = "the end"  # the name of the last barrier


@dataclasses.dataclass(frozen=True)
class Place:
    """Which process this is, and where the others are."""

    process: int
    hosts: tuple[str, ...]  # one name a process
    coordinator: str | None = None  # HOST:PORT of process 0; None for a process that is alone


# ------------------------------------------------------------------------------ who takes part


def find_place(
    coordinator: str | None = None, processes: int | None = None, process: int | None = None
) -> Place:
    """From the arguments, SLURM's variables, or what a TPU says; else a process that is alone.

    Raises UserError for arguments that don't belong together.
    """
    given = (coordinator, processes, process)
    if given != (None, None, None):
        complete = None not in given and re.fullmatch(r".+:\d+", coordinator)
        if not complete or not 0 <= process < processes:
            raise UserError(
                f"--coordinator {coordinator} --processes {processes} --process {process}: give "
                "all three, HOST:PORT of process 0, how many there are, and which of 0, 1, ... "
                "this is."
            )
        hosts = (coordinator, *["host unknown"] * (processes - 1))
        return Place(process, hosts, coordinator)
    if "SLURM_STEP_NODELIST" in os.environ and "SLURM_LOCALID" in os.environ:
        return _from_slurm()
    import jax  # not before: a check of a cluster says that it is up within a second

    # jax, when it was imported, has looked for chips.
    if os.environ.get("TPU_ML_PLATFORM") == "JAX" and "tpu" in (jax.config.jax_platforms or ""):
        return from_tpu()
    return Place(0, (socket.gethostname(),))


def _from_slurm() -> Place:
    nodes, count = os.environ["SLURM_STEP_NODELIST"], int(os.environ["SLURM_NTASKS"])
    first = "".join(re.match(r"([^,\[]+)(?:\[(\d+))?", nodes).groups(""))
    port = 61440 + int(os.environ["SLURM_JOB_ID"]) % 4094
    hosts = (first, *[f"one of {nodes}"] * (count - 1))
    return Place(int(os.environ["SLURM_PROCID"]), hosts, f"{first}:{port}")


def from_tpu() -> Place:
    """By the variables of GKE, or by the metadata server of Cloud TPU."""
    if names := os.environ.get("TPU_WORKER_HOSTNAMES"):
        hosts, process = tuple(names.split(",")), int(os.environ["TPU_WORKER_ID"])
    else:
        endpoints = tpu_metadata("worker-network-endpoints").split(",")
        hosts = tuple(endpoint.split(":")[-1] for endpoint in endpoints)
        process = int(tpu_metadata("agent-worker-number"))
    return Place(process, hosts, f"{hosts[0]}:{TPU_PORT}")


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
            f"{socket.gethostname()}: no {key} from the metadata server of TPUs ({error}); tell by "
            "--coordinator, --processes and --process who takes part."
        ) from error


# --------------------------------------------------------------------------- start and common end


@contextlib.contextmanager
def joined(
    place: Place, *, timeout: float = 300.0, saves_when_preempted: bool = False
) -> Iterator[None]:
    """What happens inside, all processes do: with jax connected, and none ends before the others.

    Where one ends early, the others print a sentence and end with exit code 1, as all do where one
    does not come. Nothing happens for a process that is alone.

    Args:
      timeout: seconds until those that did not come are named.
      saves_when_preempted: SIGTERM does not end this process; jax agrees with the others on a step.
    """
    if len(place.hosts) == 1:
        yield
        return
    global _members
    _members = _Members(place, timeout)
    import jax

    jax.config.update("jax_enable_preemption_service", saves_when_preempted)
    jax.distributed.initialize(
        place.coordinator,
        len(place.hosts),
        place.process,
        initialization_timeout=int(timeout),
        shutdown_timeout_seconds=int(GRACE),
    )
    try:
        yield
        barrier(LAST)
    except BaseException as error:
        _members.failed(error)  # the exit code is that of exit_on_user_error
        atexit.register(_exit, 2 if isinstance(error, UserError) or is_disk_full(error) else 1)
        raise


def barrier(name: str):
    """Waits, for however long, until all processes are here; nothing where there is but one."""
    if _members:
        _members.barrier(name)


_members: "_Members | None" = None


def _exit(code: int):
    """Without what jax does at the end, which is to wait for all others."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class _Members:
    """A connection of each process with process 0, by which it says what happens to it.

    A message is a line: a word, and a name or a sentence. To process 0: hello PROCESS OF HOST, at
    NAME, failed SENTENCE. From it: go, pass NAME, failed SENTENCE, lost SENTENCE.
    """

    def __init__(self, place: Place, timeout: float):
        self._place, self._changed = place, threading.Condition()
        self._hosts = list(place.hosts)
        self._at: dict[str, set[int]] = {}  # who has come to a barrier
        self._barriers = 0
        self._lost: str | None = None
        self._leaving = False
        if place.process == 0:
            self._peers = self._greet(timeout)
        else:
            self._peers = {0: self._say_hello(timeout)}
        self._listeners = [
            threading.Thread(target=self._listen, args=both, daemon=True)
            for both in self._peers.items()
        ]
        for listener in self._listeners:
            listener.start()

    # ---- start

    def _greet(self, timeout: float) -> dict[int, socket.socket]:
        """Process 0: waits for the hello of all others."""
        host, port = _hello_address(self._place)
        count, deadline = len(self._hosts), time.monotonic() + timeout
        peers: dict[int, socket.socket] = {}
        try:
            if socket.has_dualstack_ipv6():
                server = socket.create_server(
                    ("", port), family=socket.AF_INET6, dualstack_ipv6=True
                )
            else:
                server = socket.create_server(("", port))
        except OSError as error:
            raise SystemExit(
                f"error: process 0 can't listen at port {port} of {host}: {error}."
            ) from error
        with server:
            while len(peers) < count - 1:
                server.settimeout(max(deadline - time.monotonic(), 0.01))
                try:
                    peer = server.accept()[0]
                    peer.settimeout(5.0)
                    words = _read_line(peer).split()
                except TimeoutError:
                    if time.monotonic() > deadline:
                        break
                    continue
                if len(words) != 4 or words[0] != "hello":
                    peer.close()  # whoever tries ports
                    continue
                number, of = int(words[1]), int(words[2])
                if of != count:
                    peers[number] = peer
                    return self._refuse(
                        peers,
                        f"process {number} ({words[3]}) is told of {of} processes, process "
                        f"0 of {count}: start all with the same command.",
                    )
                self._hosts[number], peers[number] = words[3], peer
        if missing := sorted(set(range(1, count)) - peers.keys()):
            silent = ", ".join(f"{i} ({self._hosts[i]})" for i in missing)
            self._refuse(
                peers,
                f"after {timeout:g} s no word from process {silent} of {count}: is it up, with the "
                f"same command, and does it reach {host}:{port}?",
            )
        for peer in peers.values():
            _send(peer, "go")
        return peers

    def _refuse(self, peers: dict[int, socket.socket], sentence: str):
        for peer in peers.values():
            _send(peer, f"lost {sentence}")
        raise SystemExit(f"error: {sentence}")

    def _say_hello(self, timeout: float) -> socket.socket:
        """Any other process: finds process 0, and waits until it has found all."""
        host, port = _hello_address(self._place)
        deadline = time.monotonic() + timeout
        while True:
            try:
                peer = socket.create_connection((host, port), timeout=5.0)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise SystemExit(
                        f"error: after {timeout:g} s no word from process 0 at {host}:{port} "
                        f"({error}): is it up, with the same command?"
                    ) from error
                time.sleep(0.2)
        own = (self._place.process, len(self._hosts), socket.gethostname())
        _send(peer, "hello {} {} {}".format(*own))
        peer.settimeout(timeout + GRACE)
        with contextlib.suppress(TimeoutError):
            word, _, sentence = _read_line(peer).partition(" ")
            if word == "go":
                return peer
            sentence = sentence or f"process 0 ({host}) ended before all were there."
            raise SystemExit(f"error: {sentence}")
        raise SystemExit(f"error: process 0 ({host}) has not gone on: what did it say?")

    # ---- what the others say

    def _listen(self, number: int, peer: socket.socket):
        """Until the connection ends; a thread of its own for each."""
        peer.settimeout(None)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in KEEPALIVE.keys() & vars(socket).keys():
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), KEEPALIVE[option])
        who = f"process {number} ({self._hosts[number]})"
        with contextlib.suppress(OSError):  # a machine that is gone, as keepalive finds out
            while line := _read_line(peer):
                self._hear(number, *line.split(" ", 1))
        with self._changed:
            over = number in self._at.get(LAST, ())
        if not over:
            self._lose(f"{who} has ended", 0.0)

    def _hear(self, number: int, word: str, rest: str):
        if word in ("lost", "failed"):
            return self._lose(rest, GRACE if word == "failed" else 0.0)
        with self._changed:
            arrived = self._at.setdefault(rest, set())
            arrived |= set(range(len(self._hosts))) if word == "pass" else {number}
            self._changed.notify_all()

    def _lose(self, sentence: str, grace: float):
        """Leaves, after some seconds in which this process may fail by itself and say why."""
        with self._changed:
            if self._lost:
                return
            self._lost = sentence
            self._changed.notify_all()
        if self._place.process == 0:
            self._tell_all(f"{'failed' if grace else 'lost'} {sentence}")
        timer = threading.Timer(grace, self._leave)
        timer.daemon = True
        timer.start()

    def _begin_to_leave(self):
        """Once; whichever thread comes second waits for the end that the first one prepares."""
        with self._changed:
            second, self._leaving = self._leaving, True
        if second:
            threading.Event().wait()

    def _leave(self):
        """Ends this process because of another one."""
        self._begin_to_leave()
        print(  # on a line of its own, whatever bar of progress is there
            f"\nerror: {self._lost}; so process {self._place.process} ends, too: the same command "
            "goes on from what is saved.",
            file=sys.stderr,
            flush=True,
        )
        self._let_others_leave()
        _exit(1)

    def _let_others_leave(self):
        """Process 0 stays while they do: without jax's coordinator, jax would end them at once."""
        deadline = time.monotonic() + GRACE + NEWS
        for listener in self._listeners if self._place.process == 0 else ():
            listener.join(max(deadline - time.monotonic(), 0.0))

    def _tell_all(self, line: str):
        for peer in self._peers.values():
            _send(peer, line)

    # ---- what this process says

    def barrier(self, name: str):
        everyone = set(range(len(self._hosts)))
        if name != LAST:  # which come in the same order everywhere, and perhaps again
            self._barriers += 1
            name = f"{self._barriers} {name}"
        with self._changed:
            self._at.setdefault(name, set()).add(self._place.process)
        if self._place.process:
            self._tell_all(f"at {name}")
        with self._changed:
            self._changed.wait_for(lambda: self._lost or self._at[name] == everyone)
            lost = self._lost
        if lost:
            self._leave()
        if self._place.process == 0:
            self._tell_all(f"pass {name}")

    def failed(self, error: BaseException):
        """Tells the others, unless it is they who made this process fail; then it leaves here."""
        if not isinstance(error, UserError | KeyboardInterrupt):
            with self._changed:
                lost = self._changed.wait_for(lambda: self._lost, timeout=NEWS)
            if lost:
                self._leave()
        self._begin_to_leave()
        told = (" ".join(str(error).split()) or type(error).__name__)[:500]
        who = f"process {self._place.process} ({socket.gethostname()})"
        self._tell_all(f"failed {who} failed: {told}")
        self._let_others_leave()


def _hello_address(place: Place) -> tuple[str, int]:
    host, port = place.coordinator.rsplit(":", 1)
    return host.strip("[]"), int(port) + 1


def _send(peer: socket.socket, line: str):
    with contextlib.suppress(OSError):  # its own thread finds out that it ended
        peer.sendall(f"{line}\n".encode())


def _read_line(peer: socket.socket) -> str:
    """Without its end; "" once the connection has ended."""
    line = b""
    with contextlib.suppress(ConnectionError):
        while byte := peer.recv(1):
            if byte == b"\n":
                return line.decode(errors="replace")
            line += byte
    return ""
