"""Files to upright RGB pictures of 8 bits a channel: the one place where a picture is opened.

The bytes are those of transformers' `image_utils.load_image` (Pillow, EXIF orientation, RGB) but
where that shows something else than a viewer would: what is transparent is white here, not what
happens to lie beneath it (black, mostly), and grey of more than 8 bits is scaled down, not cut off
at 255, which makes nearly all of it white.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from records.errors import UserError
from records.formats.pictures import MAX_ASPECT
from records.schema import pictures_of

# Formats whose size and orientation Pillow knows before it decodes them.
_TOLD_BY_HEADER = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
# Chunks of a PNG that may tell an orientation; they may follow the pixels.
_PNG_ORIENTED = (b"eXIf", b"iTXt", b"tEXt", b"zTXt")
_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # TIFF's tags
_WHITE_IS_ZERO = 0


def open_image(source: Path | bytes, name: str | None = None) -> Image.Image:
    """The picture in a file, or in a file's bytes, as `as_rgb` makes it; of several the first.

    name: what errors call it. Raises UserError for whatever can't be read as a picture.
    """
    return _read(source, name, lambda image, _: as_rgb(image))


def image_size(source: Path | bytes, name: str | None = None) -> tuple[int, int]:
    """(width, height) in pixels that `open_image` gives, without decoding usual formats."""
    return _read(source, name, _upright_size)


def open_pictures(record: Mapping) -> list[Image.Image]:
    """A record's pictures in order, as `open_image`. Raises UserError, with the record's id."""
    return [open_image(*named) for named in _of_record(record)]


def picture_sizes(record: Mapping) -> list[tuple[int, int]]:
    """(width, height) of a record's pictures, as `image_size`; errors as `open_pictures`."""
    return [image_size(*named) for named in _of_record(record)]


def check_aspect(width: int, height: int, name: str = "a picture"):
    """Raises UserError for a picture that is too narrow for the model, or empty."""
    if max(width, height) > MAX_ASPECT * min(width, height) or not width * height:
        raise UserError(
            f"{name} is too narrow with {width} x {height} px, at most {MAX_ASPECT} : 1 can be "
            "shown: crop it, or leave it out."
        )


def as_rgb(image: Image.Image) -> Image.Image:
    """A picture of any mode, turned as its EXIF data says, over white, in RGB; not in place.

    Grey of 16 bits keeps its upper 8. Of 32 bits or floats the range is told by the values: up to
    1 (floats), 255 or 65535. Raises ValueError for other values.
    """
    key = _transparent_value(image)
    upright = ImageOps.exif_transpose(image)
    if upright.mode[0] in "IF":
        upright = _narrowed(upright, image, key)
    elif key is not None:
        upright.info["transparency"] = key
    if not upright.has_transparency_data:
        picture = upright.convert("RGB")
        picture.info = {}  # has nothing that could be applied once more
        return picture
    layer = upright.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white


def _transparent_value(image: Image.Image):
    """Which grey or colour is transparent, in the units of the pixels; None if none is.

    A PNG says it in the units of its file, and Pillow, which scales 2, 4 and 48 bits a pixel to 8
    a channel, leaves it so.
    """
    key = image.info.get("transparency")
    if image.format != "PNG" or key is None or not image.tile:
        return key
    rawmode = image.tile[0].args
    if rawmode in ("L;2", "L;4"):
        return key * (85 if rawmode == "L;2" else 17)
    return tuple(value >> 8 for value in key) if rawmode == "RGB;16B" else key


def _narrowed(upright: Image.Image, image: Image.Image, key: int | None) -> Image.Image:
    """Grey of mode I;16, I or F to L, or to LA where a value is transparent.

    image: what `upright` was, which knows its file.
    """
    values = np.asarray(upright)
    tags = getattr(image, "tag_v2", {})
    if upright.mode != "I" and upright.mode != "F":
        grey = values >> tags.get(_BITS_PER_SAMPLE, (16,))[0] - 8
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # which Pillow heeds up to 8 bits
            grey = 255 - grey
    elif not (values.min() >= 0 and values.max() <= 65535):  # not a number, too
        raise ValueError(f"grey values from {values.min()} to {values.max()}, not 0 to 65535")
    elif values.max() > 255 or image.format == "PPM":  # whose values Pillow scales to 16 bits
        grey = values // 256
    elif values.max() <= 1 and upright.mode == "F":
        grey = np.rint(values * 255)
    else:
        grey = values
    narrow = Image.fromarray(grey.astype(np.uint8))
    if key is not None:
        narrow.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return narrow


def _upright_size(image: Image.Image, data: bytes) -> tuple[int, int]:
    if image.format not in _TOLD_BY_HEADER:
        image.load()  # a TIFF turns by itself, icons change their size
    elif image.format == "PNG" and not any(mark in data for mark in _PNG_ORIENTED):
        return image.size  # Pillow would decode the picture to look for EXIF data behind it
    width, height = image.size
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (height, width) if turned else (width, height)


def _read(source: Path | bytes, name: str | None, read: Callable):
    """read(picture, its file's bytes), checked; Pillow's errors become UserErrors."""
    if name is None:
        name = f"the picture {source}" if isinstance(source, Path) else "a picture"
    try:
        data = source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        raise UserError(f"{name} can't be read: {error.strerror}.") from None
    try:
        with Image.open(io.BytesIO(data)) as image:
            found = read(image, data)
    except UnidentifiedImageError:
        raise UserError(f"{name} can't be read: it is in no format that Pillow knows.") from None
    # Damaged files make Pillow raise whatever its formats come across: ValueError, SyntaxError,
    # struct.error, DecompressionBombError ...
    except Exception as error:
        raise UserError(
            f"{name} can't be read ({type(error).__name__}: {str(error).rstrip('.')}): save it as "
            "a smaller or plainer PNG, or leave it out."
        ) from error
    width, height = found if isinstance(found, tuple) else found.size
    check_aspect(width, height, name)
    return found


def _of_record(record: Mapping) -> Iterator[tuple[bytes, str]]:
    """Each picture's file and what errors call it."""
    for data in pictures_of(record):
        if not data:
            raise UserError(
                f"record {record['id']} has an empty picture: generate the data set again, or "
                "leave the image feature out of a text-only one."
            )
        yield data, f"the picture of record {record['id']}"
