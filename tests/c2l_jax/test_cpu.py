"""What a process does with memory that it has freed."""

import subprocess
import sys
from pathlib import Path

import pytest

# Page faults of taking 256 MiB anew, and how much lies in huge pages.
SCRIPT = """
import resource
from pathlib import Path
import numpy as np
from c2l_jax import cpu
if {kept}:
    cpu.keep_freed()
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = np.ones(2**25)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    rollup = Path("/proc/self/smaps_rollup").read_text()
    del block
(huge,) = (line.split()[1] for line in rollup.splitlines() if line.startswith("AnonHugePages"))
print(faults[-1], huge)
"""
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def measured(kept: bool) -> tuple[int, int]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(kept=kept)],
        capture_output=True,
        text=True,
        check=True,
        env={"JAX_PLATFORMS": "cpu"},
    )
    faults, huge = done.stdout.split()
    return int(faults), int(huge)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_what_was_freed_is_taken_without_a_page_fault():
    kept, huge = measured(True)
    usual, _ = measured(False)
    assert kept < 100 < usual
    if HUGE_PAGES.exists() and "[never]" not in HUGE_PAGES.read_text():
        assert huge > 200 * 1024
