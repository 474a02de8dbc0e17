"""Files of every kind to RGB: transformers' loader where it is right, a viewer's eye elsewhere."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers.image_utils import load_image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from c2l_jax.data.images import ImageSpec, patchify
from c2l_jax.data.pictures import as_rgb, image_size, open_image, open_pictures, picture_sizes
from records.errors import UserError

WIDTH, HEIGHT = 60, 40
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8)
GREY = NOISE[..., 0]
CLEAR = np.dstack([np.zeros_like(NOISE[..., :3]), GREY])  # black ink, from clear to opaque


def written(image: Image.Image, format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(bits: int, colours: int, rows: list[bytes], width: int, **chunks: bytes) -> bytes:
    """A PNG of kinds that Pillow doesn't write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, len(rows), bits, colours, 0, 0, 0)
    parts = [(b"IHDR", header), *((name.encode(), data) for name, data in chunks.items())]
    parts += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(bits: int, photometric: int, pixels: bytes, width: int, height: int) -> bytes:
    """A TIFF of grey, little-endian, of kinds that Pillow doesn't write."""
    values = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height}
    values |= {273: 8 + 2 + 12 * 9 + 4, 279: len(pixels)}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(values.items())]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 9) + b"".join(entries) + bytes(4) + pixels


def rgb(data: bytes) -> np.ndarray:
    image = open_image(data)
    assert image.mode == "RGB" and image.size == image_size(data)
    return np.asarray(image)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


COLOUR = Image.fromarray(NOISE[..., :3])
OPAQUE = Image.fromarray(NOISE[..., :3])
OPAQUE.putalpha(255)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
# Kinds of picture that transformers shows as they are.
SENSIBLE = {
    "RGB.png": written(COLOUR, "PNG"),
    "RGB.jpg": written(COLOUR, "JPEG"),
    "progressive.jpg": written(COLOUR, "JPEG", progressive=True),
    "RGB.webp": written(COLOUR, "WEBP", lossless=True),
    "RGB.bmp": written(COLOUR, "BMP"),
    "RGB.tif": written(COLOUR, "TIFF"),
    "opaque.png": written(OPAQUE, "PNG"),
    "opaque.webp": written(OPAQUE, "WEBP", lossless=True),
    "opaque-LA.png": written(
        Image.merge("LA", [COLOUR.convert("L"), Image.new("L", COLOUR.size, 255)]), "PNG"
    ),
    "L.png": written(COLOUR.convert("L"), "PNG"),
    "L.jpg": written(COLOUR.convert("L"), "JPEG"),
    "L.tif": written(COLOUR.convert("L"), "TIFF"),
    "1.png": written(COLOUR.convert("1"), "PNG"),
    "1.tif": written(COLOUR.convert("1"), "TIFF", compression="group4"),
    "2bit.png": png(2, 0, [bytes([0b00011011])] * 2, 4),
    "4bit.png": png(4, 0, [bytes([0x0F, 0x3A])] * 2, 4),
    "P.png": written(COLOUR.quantize(16), "PNG"),
    "P.gif": written(COLOUR.quantize(256), "GIF"),
    "P.bmp": written(COLOUR.quantize(256), "BMP"),
    "P.tif": written(COLOUR.quantize(256), "TIFF"),
    "CMYK.jpg": written(COLOUR.convert("CMYK"), "JPEG"),
    "CMYK.tif": written(COLOUR.convert("CMYK"), "TIFF"),
    "YCbCr.tif": written(COLOUR.convert("YCbCr"), "TIFF"),
    "YCbCr.jpg.tif": written(COLOUR.convert("YCbCr"), "TIFF", compression="jpeg"),
    "exif-behind.png": written(COLOUR, "PNG")[:-12]
    + png(8, 0, [], 0, eXIf=turned(6).tobytes()[6:])[33:],
    "xmp.jpg": written(COLOUR, "JPEG", xmp=XMP),
    "xmp.webp": written(COLOUR, "WEBP", lossless=True, xmp=XMP),
    "broken-exif.jpg": written(COLOUR, "JPEG", exif=b"Exif\0\0nonsense"),
    "LAB.tif": written(COLOUR.convert("LAB"), "TIFF"),
    "RGB16.png": png(16, 2, [NOISE.tobytes()[:24]] * 4, 4),
    "animation.gif": written(
        COLOUR.quantize(64), "GIF", save_all=True, append_images=[Image.new("RGB", COLOUR.size)]
    ),
    "animation.webp": written(
        COLOUR, "WEBP", lossless=True, save_all=True, append_images=[Image.new("RGB", COLOUR.size)]
    ),
    "animation.png": written(
        COLOUR, "PNG", save_all=True, append_images=[Image.new("RGB", COLOUR.size)]
    ),
    "pages.tif": written(COLOUR, "TIFF", save_all=True, append_images=[Image.new("RGB", (9, 9))]),
    "I-of-8-bits.tif": written(Image.fromarray(GREY.astype(np.int32)), "TIFF"),
    "F-of-8-bits.tif": written(Image.fromarray(GREY.astype(np.float32)), "TIFF"),
} | {
    f"turned-{number}.{format}": written(COLOUR, format.upper(), exif=turned(number))
    for format in ("jpeg", "png", "webp", "tiff")
    for number in range(1, 9)
}


@pytest.mark.parametrize("name", SENSIBLE)
def test_the_bytes_are_those_of_transformers(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(SENSIBLE[name])
    theirs = load_image(str(path))
    ours = open_image(path)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    assert image_size(path) == theirs.size
    processor = Qwen2VLImageProcessorPil(do_rescale=False, do_normalize=False)
    pixels = processor(images=[theirs])["pixel_values"].reshape(-1, 3, 2, 196)[:, :, 0]
    patches = patchify(ours, ImageSpec())
    ours = patches.pixels_gsp.reshape(-1, 4, 3, 196)[patches.slots_n].reshape(-1, 3, 196)
    np.testing.assert_array_equal(ours, pixels)


def white_beneath(pixels: np.ndarray) -> np.ndarray:
    """RGBA over white, in whole numbers."""
    alpha = pixels[..., 3:].astype(float) / 255
    return np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha))


def ink(mode: str) -> Image.Image:
    """Black ink of any opacity."""
    if mode == "LA":
        return Image.merge("LA", [Image.new("L", (WIDTH, HEIGHT)), Image.fromarray(GREY)])
    return Image.fromarray(CLEAR)


@pytest.mark.parametrize(
    ("mode", "format"),
    [("RGBA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "TIFF"), ("RGBA", "TGA"), ("LA", "PNG")],
)
def test_what_is_clear_is_white(mode, format):
    options = {"lossless": True, "exact": True} if format == "WEBP" else {}
    data = written(ink(mode), format, **options)
    assert np.abs(rgb(data) - white_beneath(CLEAR)).max() <= 1
    data = written(Image.fromarray(NOISE), format, **options)
    assert np.abs(rgb(data) - white_beneath(NOISE)).max() <= 1


@pytest.mark.parametrize("mode", ["RGBa", "PA"])
def test_kinds_of_alpha_that_few_files_have(mode):
    image = Image.fromarray(CLEAR).convert(mode)
    assert image.mode == mode
    assert np.abs(np.asarray(as_rgb(image)) - white_beneath(CLEAR)).max() <= 1


BLACK, WHITE = 0, 255
RED_AND_BLUE = bytes([255, 0, 0, 0, 0, 255])
# (file, the grey or the colours that it shows, by columns)
ONE_VALUE_CLEAR = {
    "1 bit, black": (png(1, 0, [b"\x80"], 2, tRNS=b"\0\0"), [WHITE, WHITE]),
    "1 bit, white": (png(1, 0, [b"\x80"], 2, tRNS=b"\0\1"), [WHITE, BLACK]),
    "2 bits": (png(2, 0, [bytes([0b00011011])], 4, tRNS=b"\0\1"), [0, WHITE, 170, 255]),
    "4 bits": (png(4, 0, [bytes([0x0F, 0x3A])], 4, tRNS=b"\0\3"), [0, 255, WHITE, 170]),
    "8 bits": (png(8, 0, [bytes([0, 15, 200])], 3, tRNS=b"\0\0"), [WHITE, 15, 200]),
    "16 bits": (
        png(16, 0, [struct.pack(">3H", 0x0F01, 0x0F02, 0)], 3, tRNS=b"\x0f\1"),
        [WHITE, 15, 0],
    ),
    "colour": (
        png(8, 2, [RED_AND_BLUE], 2, tRNS=bytes([0, 255, 0, 0, 0, 0])),
        [(255, 255, 255), (0, 0, 255)],
    ),
    "colour of 16 bits": (
        png(
            16,
            2,
            [struct.pack(">6H", 0x1234, 0, 0, 0x5678, 0, 0)],
            2,
            tRNS=struct.pack(">3H", 0x1234, 0, 0),
        ),
        [(255, 255, 255), (0x56, 0, 0)],
    ),
    "palette": (
        png(2, 3, [bytes([0b00011011])], 3, PLTE=RED_AND_BLUE + bytes(3), tRNS=bytes([0, 51])),
        [(255, 255, 255), (204, 204, 255), (0, 0, 0)],
    ),
}


@pytest.mark.parametrize("name", ONE_VALUE_CLEAR)
def test_a_value_that_is_clear_is_white(name):
    data, expected = ONE_VALUE_CLEAR[name]
    shown = [tuple(np.broadcast_to(value, 3)) for value in expected]
    assert [tuple(pixel) for pixel in rgb(data)[0]] == shown


def test_the_ground_of_an_animation_is_white():
    frame = Image.fromarray(np.zeros((8, 8), np.uint8), "P")
    frame.putpalette([255, 0, 0, 0, 255, 0])
    frame.putpixel((0, 0), 1)
    data = written(
        frame, "GIF", transparency=1, save_all=True, append_images=[Image.new("RGB", (8, 8))]
    )
    pixels = rgb(data)
    assert (pixels[0, 0] == 255).all() and (pixels.reshape(-1, 3)[1:] == [255, 0, 0]).all()


STEPS = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)  # 0, 257 ... 65535
UPPER = (STEPS >> 8).astype(np.uint8)
DARK = STEPS // 257  # 16 bits, and nothing above 255 of 65535
WIDE = {
    "PNG": (written(Image.fromarray(STEPS), "PNG"), UPPER),
    "PNG, dark": (written(Image.fromarray(DARK), "PNG"), DARK >> 8),
    "PNG, grey and alpha": (
        png(16, 4, [struct.pack(">4H", 0x8000, 65535, 0, 0)], 2),
        np.array([[0x80, 255]]),
    ),
    "TIFF": (written(Image.fromarray(STEPS), "TIFF"), UPPER),
    "TIFF, packed": (written(Image.fromarray(STEPS), "TIFF", compression="tiff_lzw"), UPPER),
    "TIFF, big-endian": (written(Image.fromarray(STEPS.astype(">u2")), "TIFF"), UPPER),
    "TIFF, 12 bits": (tiff(12, 1, bytes([0xFF, 0xF8, 0x01]), 2, 1), np.array([[255, 128]])),
    "TIFF, white is 0": (tiff(16, 0, STEPS.tobytes(), 16, 16), 255 - UPPER),
    "TIFF, 32 bits": (written(Image.fromarray(STEPS.astype(np.int32)), "TIFF"), UPPER),
    "TIFF, floats to 1": (
        written(Image.fromarray((STEPS / 65535).astype(np.float32)), "TIFF"),
        UPPER,
    ),
    "TIFF, floats to 65535": (written(Image.fromarray(STEPS.astype(np.float32)), "TIFF"), UPPER),
    "JPEG 2000": (written(Image.fromarray(STEPS), "JPEG2000"), UPPER),
    "PGM": (b"P5 16 16 65535\n" + STEPS.astype(">u2").tobytes(), UPPER),
    "PGM, dark": (b"P5 16 16 65535\n" + DARK.astype(">u2").tobytes(), DARK >> 8),
    "PGM of 10 bits": (b"P5 2 1 1023\n" + struct.pack(">2H", 1023, 512), np.array([[255, 128]])),
}


@pytest.mark.parametrize("name", WIDE)
def test_grey_of_more_than_8_bits_is_scaled_down(name):
    data, grey = WIDE[name]
    np.testing.assert_array_equal(rgb(data), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_wide_grey_is_turned(format):
    data = written(Image.fromarray(STEPS[:4]), format, exif=turned(6))
    np.testing.assert_array_equal(rgb(data)[..., 0], np.rot90(UPPER[:4], -1))


def test_a_picture_in_memory_is_shown_like_its_file_and_left_as_it_was():
    image = Image.fromarray(CLEAR)
    in_file = patchify(open_image(written(image, "PNG")), ImageSpec())
    np.testing.assert_array_equal(patchify(image, ImageSpec()).pixels_gsp, in_file.pixels_gsp)
    assert image.mode == "RGBA" and (np.asarray(image) == CLEAR).all()


WHOLE = {name: SENSIBLE[name] for name in ("RGB.png", "RGB.jpg", "RGB.webp", "P.gif", "RGB.tif")}
LONG_TEXT = png(8, 0, [b"\0"], 1, zTXt=b"note\0\0" + zlib.compress(bytes(2 << 20)))
UNREADABLE = {
    "nothing": b"",
    "text": b"no picture at all",
    "its head alone": SENSIBLE["RGB.png"][:8],
    "damaged": SENSIBLE["RGB.png"].replace(b"IDAT", b"IDAX"),
    "long text": LONG_TEXT,
    "huge": b"P5 30000 30000 255\n",
    "broken": png(8, 2, [b""] * HEIGHT, WIDTH, IDAT=zlib.compress(NOISE)[:99])[: 33 + 12 + 99]
    + b"\xff" * 24,
    "negative": written(Image.fromarray(np.full((2, 2), -1, np.int32)), "TIFF"),
    "not a number": written(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"),
    "no height": b"P5 8 0 255\n",
    **{f"{name}, cut": data[: len(data) // 2] for name, data in WHOLE.items()},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_picture_is_told_by_its_name(name, tmp_path):
    path, data = tmp_path / "file", UNREADABLE[name]
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"the picture {path} ") as told:
        open_image(path)
    assert "\n" not in str(told.value) and "BytesIO" not in str(told.value)
    if data:
        with pytest.raises(UserError, match="the picture of record maze-7 "):
            open_pictures({"id": "maze-7", "image": data})


@pytest.mark.parametrize("read", [open_pictures, picture_sizes])
def test_records_without_a_picture_that_can_be_shown(read):
    with pytest.raises(UserError, match="record maze-7 has an empty picture"):
        read({"id": "maze-7", "image": b""})
    with pytest.raises(UserError, match="record maze-7 can't be read: it is in no format"):
        read({"id": "maze-7", "image": b"broken"})
    narrow = written(Image.new("RGB", (10, 2010)), "PNG")
    with pytest.raises(UserError, match="record maze-7 is too narrow with 10 x 2010 px"):
        read({"id": "maze-7", "image": narrow})
    read({"id": "maze-7", "image": written(Image.new("RGB", (10, 2000)), "PNG")})


@pytest.mark.parametrize("path", [Path("/nowhere/board.png"), Path("/")])
def test_a_file_that_is_not_there(path):
    with pytest.raises(UserError, match=f"the picture {path} can't be read"):
        open_image(path)


def test_a_size_is_told_without_decoding():
    """Only a header is needed: the pixels of these are missing."""
    assert picture_sizes({"id": "x", "image": SENSIBLE["RGB.png"][:60]}) == [(WIDTH, HEIGHT)]
    assert picture_sizes({"id": "x", "images": [SENSIBLE["turned-6.jpeg"][:800]]}) == [
        (HEIGHT, WIDTH)
    ]
