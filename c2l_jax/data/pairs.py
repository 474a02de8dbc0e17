"""What comes of sampled responses, on disk: preference pairs, or right responses to imitate."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

from records import schema, writing
from records.paths import AnyPath


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of data set; `features` as `schema.pair`."""

    name: str
    description: str
    features: Callable[[bool, bool], dict]

    def folder(self, out: AnyPath) -> AnyPath:
        return writing.folder(out, self.name)

    def is_written(self, out: AnyPath, metadata: dict) -> bool:
        """Whether this very data set is in `out`. Raises UserError if another one is."""
        return writing.is_written(out, self.name, metadata, "other ones")

    def write(
        self,
        out: AnyPath,
        splits: Mapping[str, Callable[[], Iterable[dict]]],
        *,
        image: bool,
        several: bool = False,
        metadata: dict,
    ):
        """Writes the data set to out/NAME/1.0.0, which appears only when it is complete.

        Args:
          splits: for each split a function that gives its records; none may be empty.
          image, several: whether the records have an image or images, as in schema.pair.
          metadata: what made them, JSON.
        """
        writing.write(
            out,
            self.name,
            self.features(image, several),
            splits,
            metadata,
            description=self.description,
            made_by=__name__,
        )


PAIRS = Kind(
    "pairs", "Pairs of responses to visual questions, one right and one wrong.", schema.pair
)
RIGHT = Kind("right", "Right responses to visual questions.", schema.response)
