"""The index beside each file of records: which kind of question each record is.

That of NAME.array_record-M-of-N is NAME.index-M-of-N.json, two lines of JSON. The second holds
`kinds`, a list of KIND's values, and `records`, for each record in order the number of its kind.
The first says what the index belongs to: the file's number of `records`, its size in `bytes`,
`tail`, the SHA-256 of the file's last TAIL bytes (which tell where every record is), and `sha256`,
that of the second line. So training knows what there is without reading the records, and an index
that is not its file's is refused.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from records.errors import UserError

TAIL = 1 << 18
KIND = ("plot_level", "game", "task", "options")  # the last as a number


def write_index(path: Path, kinds: list[tuple], numbers: list[int]):
    """Beside a file of records: the kinds, and the number of each record's kind."""
    body = json.dumps({"kinds": kinds, "records": numbers}).encode()
    head = json.dumps(_belonging(path, len(numbers), body)).encode()
    _beside(path).write_bytes(head + b"\n" + body)


def read_index(path: Path, count: int) -> tuple[list[tuple], np.ndarray] | None:
    """(kinds, number [count] of each record's kind) of a file of records; None without an index.

    Raises UserError for an index that is damaged or not that of this file with `count` records.
    """
    index = _beside(path)
    if not index.exists():
        return None
    head, _, body = index.read_bytes().partition(b"\n")
    try:
        told = json.loads(head)
    except ValueError:
        told = None
    if told != _belonging(path, count, body):
        raise UserError(
            f"{index} is damaged or not the index of the file beside it: copy both again, or "
            "delete the index (every record is then read when training starts)."
        )
    content = json.loads(body)
    return [tuple(kind) for kind in content["kinds"]], np.asarray(content["records"])


def _beside(path: Path) -> Path:
    return path.with_name(path.name.replace(".array_record-", ".index-") + ".json")


def _belonging(path: Path, count: int, body: bytes) -> dict:
    """What the index says that it belongs to."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - TAIL))
        tail = file.read()
    return {
        "records": count,
        "bytes": size,
        "tail": hashlib.sha256(tail).hexdigest(),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
