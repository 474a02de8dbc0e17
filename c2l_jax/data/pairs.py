"""Preference pairs on disk: a data set of their own."""

from collections.abc import Callable, Iterable, Mapping

from records import schema, writing
from records.errors import UserError
from records.paths import AnyPath, read_json

NAME = "pairs"
DESCRIPTION = "Pairs of responses to visual questions, one right and one wrong."


def folder(out: AnyPath) -> AnyPath:
    return writing.folder(out, NAME)


def is_written(out: AnyPath, metadata: dict) -> bool:
    """Whether these very pairs are in `out`. Raises UserError if other ones are."""
    kept = folder(out) / "metadata.json"
    if not folder(out).exists():
        return False
    if kept.exists() and read_json(kept) == metadata:
        return True
    raise UserError(f"{folder(out)} already holds other pairs; choose a different --out.")


def write_pairs(
    out: AnyPath,
    splits: Mapping[str, Callable[[], Iterable[dict]]],
    *,
    image: bool,
    several: bool = False,
    metadata: dict,
):
    """Writes the data set to out/pairs/1.0.0, which appears only when it is complete.

    Args:
      splits: for each split a function that gives its records; none may be empty.
      image, several: whether the records have an image or images, as in schema.pair.
      metadata: what made them, JSON.
    """
    writing.write(
        out,
        NAME,
        schema.pair(image, several),
        splits,
        metadata,
        description=DESCRIPTION,
        made_by=__name__,
    )
