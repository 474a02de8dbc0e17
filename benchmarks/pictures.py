"""How fast pictures become patches, beside transformers' image processor.

  python -m benchmarks.pictures            # a table, then one line of JSON
  python -m benchmarks.pictures --json     # that line alone; progress goes to stderr

Drawn boards of 448 and of 480 px, which have to be resized to 476. Each side takes the same
pictures, on one thread:

  ours       c2l_jax's `patchify`: uint8 patches in the order of the vision tower's windows;
             normalised on the device
  processor  transformers' Qwen2VLImageProcessorPil: normalised float32 patches, each frame twice

once from pictures that are open and once from PNG files in memory. Decoding and resizing are
Pillow's on both sides, and most of the time; the target is for what is left without them. Needs
`pip install -e .[test]`.
"""

import io

import numpy as np
from PIL import Image

from benchmarks import measure, workload
from c2l_jax.data.images import ImageSpec, patchify
from c2l_jax.data.pictures import open_image

OVER_PROCESSOR = 10.0


def pictures(side: int, count: int) -> list[Image.Image]:
    rng = np.random.default_rng(side)
    return [workload.picture(rng, side) for _ in range(count)]


def as_png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def make_ours(side: int, count: int, from_files: bool):
    made = pictures(side, count)
    files, spec = [as_png(picture) for picture in made], ImageSpec()

    def run() -> int:
        opened = (open_image(file, "a board") for file in files) if from_files else made
        return sum(patchify(picture, spec).pixels_gsp.size > 0 for picture in opened)

    return run, {}


def make_processor(side: int, count: int, from_files: bool):
    import torch
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
        Qwen2VLImageProcessorPil,
    )

    torch.set_num_threads(1)
    made = pictures(side, count)
    files, process = [as_png(picture) for picture in made], Qwen2VLImageProcessorPil()

    def run() -> int:
        opened = (Image.open(io.BytesIO(f)).convert("RGB") for f in files) if from_files else made
        return sum(process(p, return_tensors="np")["pixel_values"].size > 0 for p in opened)

    return run, {}


def main(arguments=None):
    args = measure.parse_arguments("pictures", __doc__, arguments)
    neighbours = measure.Neighbours()
    count, rounds = (4, 1) if args.quick else (100, 5)
    ratios, tables, every = [], [], []
    for side in (448, 480):
        for from_files, source in ((False, "open"), (True, "PNG")):
            name = f"{side} px, {source}"
            measure.say(name)
            made = ours, theirs = measure.compare(
                measure.Side("ours", make_ours, side, count, from_files),
                measure.Side("processor", make_processor, side, count, from_files),
                rounds=rounds,
            )
            rates = ", ".join(f"{each.name} {count / each.best:,.0f}/s" for each in made)
            tables.append(measure.side_table(f"{count} pictures, {name}: {rates}", made))
            target = None if from_files else OVER_PROCESSOR
            ratios.append(
                measure.ratio(f"processor / ours, {name}", theirs.best / ours.best, target)
            )
            every += measure.figures(made)
    tables.append(measure.ratio_table(ratios))
    measure.report("pictures", tables, {"ratios": ratios, "sides": every}, neighbours, args.json)


if __name__ == "__main__":
    main()
