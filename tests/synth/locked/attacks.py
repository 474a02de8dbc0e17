"""What foreign code might try. Each attack is a task of an oracle; one that returns got through.

FATAL ones can only end with their process. `state` tells what a real attacker would have to guess.
One file, however long, since a locked oracle is one.
"""

import ctypes
import mmap
import multiprocessing
import os
import pickle
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
REFUSED, FATAL = {}, {}


def refused(attack):
    REFUSED[attack.__name__] = attack
    return attack


def fatal(attack):
    FATAL[attack.__name__] = attack
    return attack


def kernel(number, *arguments):
    """A system call by its number on x86_64; OSError where it is refused."""
    told = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    if (result := libc.syscall(number, *told)) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def succeeded(code):
    if code != 0:
        raise OSError(ctypes.get_errno(), "refused")


# ------------------------------------------------------------------------------------- network


@refused
def net_tcp(state, params):
    socket.create_connection(("127.0.0.1", state["port"]), 5)


@refused
def net_udp(state, params):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", state["port"]))


@refused
def net_abstract(state, params):
    socket.socket(socket.AF_UNIX).connect("\0" + state["abstract"])


@refused
def net_raw(state, params):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@refused
def net_names(state, params):
    socket.getaddrinfo("example.org", 80)


@refused
def net_vsock(state, params):
    socket.socket(40, socket.SOCK_STREAM)


@refused
def net_netlink(state, params):
    socket.socket(16, socket.SOCK_RAW, 0)


# --------------------------------------------------------------------------------------- reading


@refused
def read_shadow(state, params):
    return Path("/etc/shadow").read_text()


@refused
def read_passwd(state, params):
    return Path("/etc/passwd").read_text()


@refused
def read_home(state, params):
    return str(os.listdir(state["home"]))


@refused
def read_project(state, params):
    return Path(state["project"], "synth", "audit.py").read_text()


@refused
def read_other_packages(state, params):
    import pytest

    return pytest.__version__


@refused
def read_engine(state, params):
    import synth.engine

    return synth.engine.__file__


@refused
def read_game(state, params):
    return Path(state["game"]).read_text()


@refused
def read_beside(state, params):
    """What else was staged."""
    return str(os.listdir(Path(__file__).parents[2]))


@refused
def read_parents_environment(state, params):
    return Path(f"/proc/{state['parent']}/environ").read_text()


@refused
def read_parents_memory(state, params):
    return str(os.open(f"/proc/{state['parent']}/mem", os.O_RDWR))


@refused
def read_own_memory_file(state, params):
    return str(os.open("/proc/self/mem", os.O_RDWR))


@refused
def read_root_of_init(state, params):
    return str(os.listdir("/proc/1/root"))


@refused
def read_parents_files(state, params):
    return str(os.open(f"/proc/{state['parent']}/fd/{state['secret']}", os.O_RDONLY))


@refused
def read_inherited(state, params):
    """The file that the parent has open, and marked as inheritable."""
    return os.pread(state["secret"], 99, 0).decode()


@refused
def read_environment(state, params):
    return os.environ["SECRET_OF_THE_TESTS"]


@refused
def list_processes(state, params):
    return str(os.listdir("/proc"))


@refused
def process_number(state, params):
    """It would tell two runs apart."""
    if os.getpid() < 0:
        raise OSError("refused")


# --------------------------------------------------------------------------------------- writing


@refused
def write_etc(state, params):
    Path("/etc/evil").write_text("x")


@refused
def write_root(state, params):
    Path("/evil").write_text("x")


@refused
def write_packages(state, params):
    import numpy as np

    Path(np.__file__).with_name("evil.py").write_text("x")


@refused
def write_own_source(state, params):
    with open(__file__, "a") as file:
        file.write("#")


@refused
def write_shared_memory(state, params):
    Path("/dev/shm/evil").write_text("x")


@refused
def write_temporary(state, params):
    Path("/tmp/evil").write_text("x")


@refused
def link_in(state, params):
    os.symlink("/etc/shadow", Path(__file__).with_name("link"))


@refused
def link_behind(state, params):
    os.symlink("/etc/shadow", "/tmp/link")


@refused
def link_hard(state, params):
    os.link(__file__, "/tmp/hard")


@refused
def make_device(state, params):
    os.mknod("/tmp/device", stat.S_IFBLK | 0o666, os.makedev(8, 0))


@refused
def make_fifo(state, params):
    os.mkfifo(Path(__file__).with_name("fifo"))


@refused
def set_suid(state, params):
    os.chmod(__file__, 0o4777)


@refused
def change_times(state, params):
    os.utime(__file__, (0, 0))


@refused
def remove_own_source(state, params):
    os.unlink(__file__)


@refused
def fill_one_file(state, params):
    with open(Path(__file__).with_name("big"), "wb") as file:
        file.write(bytes(1 << 24))


@refused
def fill_many_files(state, params):
    for number in range(100):
        Path("/dev/shm" if number % 2 else "/tmp", f"many{number}").write_bytes(bytes(1 << 16))


@refused
def fill_inodes(state, params):
    for number in range(1000):
        os.mkdir(Path(__file__).with_name(str(number)))


@refused
def fill_last_words(state, params):
    os.write(2, b"x" * 65536)
    os.write(2, b"x" * 65536)


# ------------------------------------------------------------------------------------- processes


@refused
def fork_bomb(state, params):
    while True:
        os.fork()


@refused
def start_subprocess(state, params):
    subprocess.run([sys.executable, "-c", ""], check=True)


@refused
def start_shell(state, params):
    succeeded(os.system("true"))


@refused
def start_instead(state, params):
    os.execv("/bin/sh", ["sh", "-c", "true"])


@refused
def start_thread(state, params):
    threading.Thread(target=int).start()


@refused
def start_pool(state, params):
    multiprocessing.get_context("fork").Process(target=int).start()


@refused
def start_daemon(state, params):
    if os.fork() == 0:
        os.setsid()
        time.sleep(60)


@refused
def leave_session(state, params):
    os.setsid()


@refused
def kill_parent(state, params):
    os.kill(state["parent"], signal.SIGTERM)


@refused
def kill_all(state, params):
    os.kill(-1, signal.SIGCONT)


@refused
def signal_by_pipe(state, params):
    """The kernel would send a signal to the owner of a pipe."""
    import fcntl

    fcntl.fcntl(0, fcntl.F_SETOWN, state["parent"])
    fcntl.fcntl(0, fcntl.F_SETFL, os.O_ASYNC)


@refused
def trace_parent(state, params):
    succeeded(libc.ptrace(16, state["parent"], 0, 0))


@refused
def read_by_process_vm(state, params):
    kernel(310, state["parent"], 0, 0, 0, 0, 0)


@refused
def limit_parent(state, params):
    resource.prlimit(state["parent"], resource.RLIMIT_NOFILE, (64, 64))


# ---------------------------------------------------------------------------------------- memory


@refused
def memory_bytes(state, params):
    return str(len(bytearray(8 << 30)))


@refused
def memory_array(state, params):
    import numpy as np

    return str(np.ones(1 << 30).sum())


@refused
def memory_picture(state, params):
    from PIL import Image

    return str(Image.new("RGB", (60000, 60000)).size)


@refused
def memory_file(state, params):
    os.ftruncate(os.memfd_create("x"), 1 << 34)


@refused
def memory_map(state, params):
    return str(len(mmap.mmap(-1, 1 << 34)))


@refused
def open_many(state, params):
    return str(len([os.open(__file__, os.O_RDONLY) for _ in range(1000)]))


# ---------------------------------------------------------------------------------------- kernel


@refused
def kernel_unshare(state, params):
    succeeded(libc.unshare(0x10000000 | 0x00020000))


@refused
def kernel_mount(state, params):
    succeeded(libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))


@refused
def kernel_setuid(state, params):
    os.setuid(12345)


@refused
def kernel_chroot(state, params):
    os.chroot("/tmp")


@refused
def kernel_capabilities(state, params):
    kernel(126, bytes([0x22, 5, 8, 0x20, 0, 0, 0, 0]), b"\xff" * 24)


@refused
def kernel_bpf(state, params):
    kernel(321, 0, bytes(128), 128)


@refused
def kernel_io_uring(state, params):
    kernel(425, 1, bytes(120))


@refused
def kernel_userfaultfd(state, params):
    kernel(323, 1)


@refused
def kernel_keys(state, params):
    kernel(250, 0, -3, 1)


@refused
def kernel_perf(state, params):
    kernel(298, bytes(128), 0, -1, -1, 0)


@refused
def kernel_clone3(state, params):
    kernel(435, bytes(88), 88)


@refused
def kernel_limits(state, params):
    for what in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
        resource.setrlimit(what, (-1, -1))


@refused
def kernel_terminal(state, params):
    import fcntl

    fcntl.ioctl(0, 0x5412, b"x")  # TIOCSTI


@refused
def kernel_own_filter(state, params):
    kernel(317, 1, 0, bytes(16))


# --------------------------------------------------------------------------------------- replies


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


@refused
def reply_by_pickle(state, params):
    return pickle.dumps(Evil())


@refused
def reply_by_exit(state, params):
    sys.exit(0)


@refused
def reply_not_a_number(state, params):
    return float("nan")


@refused
def reply_by_interrupt(state, params):
    raise KeyboardInterrupt


@refused
def recursion(state, params):
    return recursion(state, params)


@fatal
def exit_silently(state, params):
    os._exit(0)


@fatal
def crash(state, params):
    ctypes.string_at(0)


@fatal
def kernel_x32(state, params):
    kernel(0x40000000 + 39)


@fatal
def kernel_32_bits(state, params):
    """The old gate, whose numbers mean other calls: 20 is getpid."""
    code = mmap.mmap(-1, 4096, prot=7)
    code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return str(ctypes.CFUNCTYPE(ctypes.c_long)(address)())


@fatal
def loop(state, params):
    while True:
        pass


@fatal
def loop_through_signals(state, params):
    for number in (signal.SIGTERM, signal.SIGXCPU, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


@fatal
def sleep(state, params):
    time.sleep(3600)


def reply_pipe() -> int:
    """The other end of the conversation, found by trying."""
    return next(number for number in range(3, 64) if _is_pipe(number))


def _is_pipe(number: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:
        return False


@fatal
def reply_without_end(state, params):
    while True:
        os.write(reply_pipe(), b"x" * 65536)


@fatal
def reply_no_json(state, params):
    os.write(reply_pipe(), b"{]\n")


@fatal
def reply_deep_json(state, params):
    os.write(reply_pipe(), b"[" * 1_000_000 + b"\n")


@fatal
def reply_huge_number(state, params):
    os.write(reply_pipe(), b"9" * 1_000_000 + b"\n")


@fatal
def reply_to_another(state, params):
    os.write(reply_pipe(), b'{"id": "1", "value": "forged"}\n')


@fatal
def reply_closed(state, params):
    os.close(reply_pipe())
    time.sleep(3600)


def alive(state, params):
    return "alive"


ORACLES = {**REFUSED, **FATAL, "alive": alive}
