"""What every picture is made of: colours, words, and the PNG file."""

import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WHITE, BLACK, GREY, PALE = (255, 255, 255), (0, 0, 0), (150, 150, 150), (215, 215, 215)
SLATE = (62, 74, 92)
RED, GREEN, BLUE = (214, 39, 40), (30, 160, 60), (31, 90, 200)


def write(image: Image.Image, at: tuple[float, float], words, px: float, colour=BLACK) -> None:
    """Words of px pixels height, centred at (x, y)."""
    font = ImageFont.load_default(px)
    ImageDraw.Draw(image).text(at, str(words), colour, font, anchor="mm")


def png(image: Image.Image) -> bytes:
    """An RGB picture as PNG (ISO/IEC 15948), every row filtered by the one above it ("Up").

    Pillow's encoder tries five filters on every row, which takes most of a record's time; on flat
    pictures this one filter gives files of the same size.
    """
    pixels_hwc = np.asarray(image)
    height, width, _ = pixels_hwc.shape
    rows = pixels_hwc.reshape(height, 3 * width)
    filtered = np.empty((height, 1 + 3 * width), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the standard says
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(filtered, 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
