"""Locks the process that calls it, for good: by limits, by Landlock and by seccomp.

Needs neither root nor a package; Linux on x86_64 or aarch64 with Landlock (kernel 6.2 or later).
Only the standard library: this file is copied to where foreign code runs. Each call to the kernel
is checked; what cannot be locked raises OSError, and nothing foreign may run then.

Sources: the kernel's Documentation/userspace-api/{landlock,seccomp_filter}.rst and uapi headers.
"""

import ctypes
import glob
import os
import platform
import resource
import struct

SYSCALLS = {  # numbers on x86_64 and aarch64; None: only the newer name is there
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "open": (2, None),
    "openat": (257, 56),
    "close": (3, 57),
    "stat": (4, None),
    "lstat": (6, None),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "lseek": (8, 62),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getrandom": (318, 278),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "getrusage": (98, 165),
    "uname": (63, 160),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
FCNTL, FCNTL_COMMANDS = (72, 25), (1, 2, 3)  # F_GETFD, F_SETFD, F_GETFL: none that sends signals
PRLIMIT = (302, 261)  # to read one's own limits
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*
CAPSET, SECCOMP = (126, 91), (317, 277)
LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446  # the same everywhere
LEAST_LANDLOCK = 3  # the first that guards truncation
READ_FILE, READ_DIR = 1 << 2, 1 << 3
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 4, 38, 9
# struct sock_filter (code, jt, jf, k)
LOAD, IS, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050001, 0x80000000  # REFUSE: with EPERM

_libc = ctypes.CDLL(None, use_errno=True)


def _call(what: str, function, *arguments) -> int:
    result = function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def readable(packages: str) -> tuple[list[str], list[str]]:
    """What Python, NumPy and Pillow need: (read with all below, only list).

    packages: the folder that the two are installed in; nothing else in it can be read.
    """
    library = os.path.dirname(os.path.realpath(os.__file__))
    kept = ("site-packages", "dist-packages")
    paths = [entry.path for entry in os.scandir(library) if entry.name not in kept]
    paths += [f"{packages}/{name}" for name in ("numpy", "numpy.libs", "PIL", "pillow.libs")]
    paths += ["/etc/ld.so.cache", "/lib64", "/usr/lib64"]
    paths += [*glob.glob("/lib/*-linux-gnu"), *glob.glob("/usr/lib/*-linux-gnu")]
    return [path for path in paths if os.path.exists(path)], [library, packages]


def lock(paths: list[str], listed: list[str], memory: int, seconds: int, told: int) -> None:
    """Locks this process. Raises OSError where anything of it fails.

    paths: may be read with all below. listed: folders whose names may be listed. memory: bytes of
    address space. seconds: of processor time. told: bytes that may be written to a file which is
    open already.
    """
    machine = platform.machine()
    if machine not in MACHINES:
        raise OSError(f"there is no lock for {machine}")
    at = list(MACHINES).index(machine)
    _limit(memory, seconds, told)
    _call("PR_SET_PDEATHSIG", _libc.prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    _call("PR_SET_DUMPABLE", _libc.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0)
    # All capabilities go: version 3 of the header, then 6 words of none.
    head, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    _call("capset", _libc.syscall, CAPSET[at], head, none)
    _call("PR_SET_NO_NEW_PRIVS", _libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _landlock(paths, listed)
    install(program(at), at)


def _limit(memory: int, seconds: int, told: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, told),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _landlock(paths: list[str], listed: list[str]) -> None:
    """Nothing of the file system but these, no TCP, no signals and abstract sockets to others."""
    version = _call("Landlock", _libc.syscall, LANDLOCK_CREATE, None, 0, 1)
    if version < LEAST_LANDLOCK:
        raise OSError(f"Landlock has version {version}, and must have {LEAST_LANDLOCK}")
    files = (1 << 15) - 1 if version < 5 else (1 << 16) - 1
    network, scopes = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    rules = struct.pack("QQQ", files, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _call("Landlock", _libc.syscall, LANDLOCK_CREATE, rules, size, 0)
    allowed = dict.fromkeys(listed, READ_DIR) | dict.fromkeys(paths, READ_FILE | READ_DIR)
    for path, rights in allowed.items():
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rights = rights if os.path.isdir(path) else READ_FILE
        rule = struct.pack("=Qi", rights, handle)
        _call(f"Landlock for {path}", _libc.syscall, LANDLOCK_ADD, ruleset, 1, rule, 0)
        os.close(handle)
    _call("Landlock", _libc.syscall, LANDLOCK_RESTRICT, ruleset, 0)
    os.close(ruleset)


def program(at: int) -> list[tuple[int, int, int, int]]:
    """The filter in BPF for the machine number `at`: what is not named is refused with EPERM."""
    numbers = [numbers[at] for numbers in SYSCALLS.values() if numbers[at] is not None]
    return [
        (LOAD, 0, 0, 4),  # struct seccomp_data: nr, arch, instruction_pointer, args[6]
        (IS, 1, 0, list(MACHINES.values())[at]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, 0),
        (AT_LEAST, 0, 1, 0x40000000),  # the x32 names of system calls
        (RETURN, 0, 0, KILL),
        *(part for nr in numbers for part in ((IS, 0, 1, nr), (RETURN, 0, 0, ALLOW))),
        # fcntl: the second argument, an int, is among the commands.
        (IS, 0, 2 + 2 * len(FCNTL_COMMANDS), FCNTL[at]),
        (LOAD, 0, 0, 16 + 8),
        *(part for c in FCNTL_COMMANDS for part in ((IS, 0, 1, c), (RETURN, 0, 0, ALLOW))),
        (RETURN, 0, 0, REFUSE),
        # prlimit64: of this process (0), and no new limit (both halves of a null pointer).
        (IS, 0, 7, PRLIMIT[at]),
        (LOAD, 0, 0, 16),
        (IS, 0, 5, 0),
        (LOAD, 0, 0, 16 + 16),
        (IS, 0, 3, 0),
        (LOAD, 0, 0, 16 + 20),
        (IS, 0, 1, 0),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]


def install(instructions: list[tuple[int, int, int, int]], at: int) -> None:
    """Puts a filter on this process. Raises OSError where it can't."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    held = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxQ", len(instructions), ctypes.addressof(held))
    _call("seccomp", _libc.syscall, SECCOMP[at], 1, 0, fprog)
