"""What makes XLA faster on CPUs, and changes nothing elsewhere.

`python -m benchmarks.sft_step` shows what it is worth: of a step's time with neither, freed memory
that is kept saves about a sixth, and layers without a loop a twentieth.
"""

import ctypes
import os

import jax

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8  # parameters of mallopt, from glibc's malloc.h
_HUGE_PAGE, _MADV_HUGEPAGE = 2**21, 14  # Linux on x86 and Arm; its mman.h
_UNROLLED = 8  # layers; more take long to compile


def keep_freed():
    """Call it before jax computes, to train: the process keeps the memory that it has freed.

    Nothing for decoding, whose small pieces are slower to get with a single arena.
    XLA's CPU backend asks for a program's temporaries anew at every call. glibc gives blocks of
    that size back to the system when they are freed, which then clears each page of them again.
    What is kept lies in huge pages, where the system has them for those that ask.
    """
    libc = ctypes.CDLL(None)
    mallopt = getattr(libc, "mallopt", None)
    if mallopt is None:  # another C library
        return
    # First of all, since a thread stays with its arena, and only the main one can hold large
    # blocks: jax's threads begin with the next line.
    mallopt(_ARENA_MAX, 1)
    if jax.default_backend() == "cpu":
        mallopt(_MMAP_MAX, 0)
        mallopt(_TRIM_THRESHOLD, -1)  # never
        _ask_for_huge_pages(libc)
    else:
        mallopt(_ARENA_MAX, 8 * os.cpu_count())  # glibc's own choice


def _ask_for_huge_pages(libc: ctypes.CDLL):
    """For what the heap will grow by; half of the memory is given out and taken back untouched."""
    libc.malloc.restype = ctypes.c_void_p
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    block = libc.malloc(ctypes.c_size_t(size))
    if block is None:  # a limit on this process: it does without
        return
    begin = -(-block // _HUGE_PAGE) * _HUGE_PAGE
    length = block + size - begin
    libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(length), _MADV_HUGEPAGE)
    libc.free(ctypes.c_void_p(block))


def unrolls(count: int, remat: str, mesh: jax.sharding.Mesh | None) -> bool:
    """Whether that many layers are better one after the other than in a loop, which copies all
    that it keeps for the backward pass.

    Not where layers are computed again: XLA would notice that outside of a loop, and keep them.
    """
    alone = mesh is None and jax.default_backend() == "cpu"
    return alone and remat == "none" and count <= _UNROLLED
