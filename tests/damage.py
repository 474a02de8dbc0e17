"""Ways in which a data set on disk gets damaged, and the file that an error has to name."""

from collections.abc import Callable
from pathlib import Path

NAME = "gameqa-{}.array_record-00000-of-00001"
TRAIN, TEST = NAME.format("train"), NAME.format("test")


def cut(name: str, share: float) -> Callable[[Path], None]:
    def damage(folder: Path):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(share * len(content))])

    return damage


def written(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content)


def missing(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def of_another(folder: Path):
    (folder / TEST).write_bytes((folder / TRAIN).read_bytes())


def flipped(folder: Path, name: str = TEST):
    """A bit of the first record, which only reading can tell."""
    content = bytearray((folder / name).read_bytes())
    content[200] ^= 1
    (folder / name).write_bytes(content)


DAMAGED = {
    **{f"{TEST} cut to {share}": (cut(TEST, share), TEST) for share in (0, 0.1, 0.5, 0.99)},
    f"{TEST} missing": (missing(TEST), TEST),
    f"{TEST} overwritten": (written(TEST, b"x" * 70_000), TEST),
    f"{TEST} of another": (of_another, TEST),
    f"{TEST} flipped": (flipped, TEST),
    "features.json missing": (missing("features.json"), "features.json"),
    **{
        f"{name} {what}": (damage, name)
        for name in ("dataset_info.json", "features.json")
        for what, damage in (
            ("cut", cut(name, 0.5)),
            ("empty", written(name, b"")),
            ("a list", written(name, b"[]")),
            ("an empty object", written(name, b"{}")),
            ("not a text", written(name, b"\xff\xfe\x00")),
        )
    },
}
