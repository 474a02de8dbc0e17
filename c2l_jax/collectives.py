"""What a compiled program sends between devices, read from its text (HLO).

Instructions inside a loop count as often as it turns, which the constant in its condition says.
A product that works on parts while the others are on their way (XLA's windowed einsum) shows as
collective-permutes; they are counted as the all-gather or reduce-scatter that they are.
"""

import collections
import math
import re
from typing import NamedTuple

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")
_BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "f32": 4, "s32": 4, "u32": 4}
_COMPUTATION = re.compile(r"(?:ENTRY )?%(\S+) \(.*\{$")
_CALL = re.compile(r"(?:calls|to_apply|branch_computations|called_computations)=\{?([^})]*)")
_LOOP = re.compile(r"condition=%([^\s,]+), body=%([^\s,]+)")
_NAME = re.compile(r"%([^\s,]+)")
_COLLECTIVE = re.compile(rf"= (.*?) ({'|'.join(KINDS)})(-start)?\(")
_SHAPE = re.compile(r"(\w+)\[([\d,]*)\]")


class Traffic(NamedTuple):
    """count: times a step. looped: those of them in loops, as over layers. bytes: that a device
    sends in all of them. largest: of one array."""

    count: int
    looped: int
    bytes: float
    largest: int

    def plus(self, other: "Traffic", times: int = 1) -> "Traffic":
        """And the other, so many times."""
        return Traffic(
            self.count + times * other.count,
            self.looped + times * other.looped,
            self.bytes + times * other.bytes,
            max(self.largest, other.largest),
        )


NOTHING = Traffic(0, 0, 0.0, 0)


def collectives(text: str) -> dict[str, Traffic]:
    """What one run of a program with this text sends, by kind."""
    bodies, entry = _computations(text)
    times = _times(bodies, entry)
    found = collections.defaultdict(lambda: NOTHING)
    seen = set()
    for name, lines in bodies.items():
        for line in lines:
            match = _COLLECTIVE.search(line)
            channel = re.search(r"channel_id=(\d+)", line)
            # TPU programs repeat one that runs beside several fusions in each of them.
            if not match or not times[name] or (channel and channel[1] in seen):
                continue
            seen.add(channel and channel[1])
            kind, sizes = match[2], _result_bytes(match[1], match[3] is not None, match[2])
            size = sum(sizes)
            if kind == "collective-permute" and "windowed_dot_general_body" in name:
                kind, sent = "reduce-scatter" if "body_rs" in name else "all-gather", size
            else:
                sent = size * _share(kind, _group(line))
            turns = times[name]
            one = Traffic(1, int(turns > 1), sent, max(sizes))
            found[kind] = found[kind].plus(one, turns)
    return dict(found)


def _computations(text: str) -> tuple[dict[str, list[str]], str]:
    bodies, name, entry = {}, None, ""
    for line in text.splitlines():
        if match := _COMPUTATION.match(line):
            name = match[1]
            bodies[name] = []
            entry = name if line.startswith("ENTRY") else entry
        elif name:
            bodies[name].append(line)
    return bodies, entry


def _times(bodies: dict[str, list[str]], entry: str) -> collections.Counter:
    """How often each computation runs. One that is called twice runs as both callers do."""
    times, order = collections.Counter({entry: 1}), list(bodies)
    for name in reversed(order):  # callers come after what they call
        for line in bodies[name]:
            if loop := _LOOP.search(line):
                times[loop[2]] += times[name] * _turns(bodies[loop[1]])
            elif call := _CALL.search(line):
                for called in set(_NAME.findall(call[1])) & bodies.keys():
                    times[called] += times[name]
    return times


def _turns(condition: list[str]) -> int:
    """Of a loop that counts up to a constant; 1 where none is there."""
    return max(
        map(int, re.findall(r"[su]32\[\]\S* constant\((\d+)\)", "\n".join(condition))), default=1
    )


def _result_bytes(shapes: str, started: bool, kind: str) -> list[int]:
    sizes = [
        _BYTES.get(dtype, 4) * math.prod(int(n) for n in dims.split(",") if n)
        for dtype, dims in _SHAPE.findall(shapes)
    ]
    if started and kind != "all-reduce":
        return sizes[1:2]  # (operand, result, ...)
    return sizes


def _group(line: str) -> int:
    """Devices that take part together."""
    if match := re.search(r"replica_groups=mesh\[(.*?)\] \{(.*?)\}", line):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", match[1]))
        return math.prod(int(sizes[axis]) for axis in re.findall(r"'(\w+)'", match[2]))
    if match := re.search(r"replica_groups=\[\d+,(\d+)\]", line):
        return int(match[1])
    if match := re.search(r"replica_groups=\{\{([\d,]*)\}", line):
        return len(match[1].split(","))
    return 1


def _share(kind: str, devices: int) -> float:
    """Bytes that a device sends for each byte of its result, around a ring."""
    rest = (devices - 1) / devices
    return {
        "all-gather": rest,
        "all-reduce": 2 * rest,
        "reduce-scatter": devices - 1,
        "all-to-all": rest,
        "collective-permute": 1,
    }[kind]
