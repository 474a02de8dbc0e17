"""Attacks that must fail inside a sandbox before anything foreign is run in it.

Each is a task of an oracle: it gets what a real attacker would have to guess, and returns if it got
through. `alive` must return, so that a process which fails at everything passes for no lock.
"""

import ctypes
import mmap
import os
import resource
import signal
import socket
import threading

import numpy as np

COMMON = {"OPENBLAS_NUM_THREADS", "LC_ALL", "PATH", "HOME", "HOSTNAME", "PWD"}
libc = ctypes.CDLL(None, use_errno=True)


def raw(number: int, *arguments: int):
    """A call to the kernel; OSError where it is refused."""
    if libc.syscall(number, *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def alive(state, params):
    return str(np.arange(4).sum())


def read_outside(state, params):
    return open(state["canary"]).read()


def list_outside(state, params):
    return str(os.listdir(os.path.dirname(state["canary"])))


def write_outside(state, params):
    return str(os.open(state["canary"] + ".written", os.O_CREAT | os.O_WRONLY))


def truncate_outside(state, params):
    os.truncate(state["canary"], 0)


def write_inside(state, params):
    return str(os.open(__file__ + ".written", os.O_CREAT | os.O_WRONLY))


def change_own_code(state, params):
    return str(os.open(__file__, os.O_WRONLY))


def environment_of_parent(state, params):
    return str(len(open(f"/proc/{state['parent']}/environ").read()))


def own_environment(state, params):
    if not os.environ.keys() & set(state["environment"]) - COMMON:
        raise OSError("nothing of the parent's is there")


def open_files(state, params):
    """A fourth file besides the questions, the replies (twice at most) and the last words."""
    for number in range(4, 64):
        try:
            os.fstat(number)
        except OSError:
            continue
        return str(number)
    raise OSError("nothing is open")


def tcp(state, params):
    return str(socket.create_connection(("127.0.0.1", state["port"]), 5))


def udp(state, params):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def unix(state, params):
    socket.socket(socket.AF_UNIX)


def fork(state, params):
    if os.fork() == 0:
        os._exit(0)


def thread(state, params):
    threading.Thread(target=int).start()


def execute(state, params):
    os.execv("/bin/true", ["true"])


def signal_parent(state, params):
    os.kill(state["parent"], 0)


def own_signal(state, params):
    os.kill(os.getpid(), signal.SIGCONT)


def trace_parent(state, params):
    if libc.ptrace(16, state["parent"], 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def namespaces(state, params):
    if libc.unshare(0x10000000) < 0:
        raise OSError(ctypes.get_errno(), "unshare")


def io_uring(state, params):
    raw(425, 1, 0)


def more_memory(state, params):
    return str(len(mmap.mmap(-1, 8 << 30)))


def raise_limits(state, params):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))


ORACLES = {
    attack.__name__: attack
    for attack in (
        read_outside,
        list_outside,
        write_outside,
        truncate_outside,
        write_inside,
        change_own_code,
        environment_of_parent,
        own_environment,
        open_files,
        tcp,
        udp,
        unix,
        fork,
        thread,
        execute,
        signal_parent,
        own_signal,
        trace_parent,
        namespaces,
        io_uring,
        more_memory,
        raise_limits,
        alive,
    )
}
