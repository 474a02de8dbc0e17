"""What loading a model takes of the host's memory, by its source.

  python -m benchmarks.loading [--shard-gb 4] [--dtype bfloat16] [--layers 36]

Makes a checkpoint of the size of Qwen2.5-VL-3B from random numbers, in shards as the published one
has, loads it, and deletes it. Three things are told apart: the parameters in their place (on a CPU
they lie in the host's memory, too), memory of the process beside them, and pages of the files,
which the system takes back when it needs room.
"""

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from c2l_jax.models import weights
from c2l_jax.models.qwen2_5_vl import preprocessor
from c2l_jax.models.qwen2_5_vl.config import Config, TextConfig, VisionConfig

BLOCK = 1 << 24  # random numbers, which repeat
GIB = 1 << 30


def size_of_3b(layers: int) -> Config:
    text = TextConfig(
        vocab_size=151936,
        hidden_size=2048,
        intermediate_size=11008,
        num_hidden_layers=layers,
        num_attention_heads=16,
        num_key_value_heads=2,
        mrope_section=(16, 24, 24),
    )
    vision = VisionConfig(
        depth=32,
        hidden_size=1280,
        intermediate_size=3420,
        num_heads=16,
        out_hidden_size=2048,
        fullatt_block_indexes=(7, 15, 23, 31),
    )
    return Config(text, vision, 151655, 151656, 151652, 151653, tie_word_embeddings=True)


def write_checkpoint(directory: Path, config: Config, shard_bytes: int) -> list[int]:
    """Settings, and shards of safetensors with an index; returns the shards' sizes in bytes."""
    (directory / "config.json").write_text(json.dumps(config.to_hf()))
    settings = json.dumps(preprocessor(config))
    (directory / "preprocessor_config.json").write_text(settings)
    shapes = weights.abstract(config)[1]
    shards, sizes = [{}], [0]
    for name, shape in weights.Names(config).expected(shapes).items():
        size = 2 * int(np.prod(shape))
        if sizes[-1] and sizes[-1] + size > shard_bytes:
            shards.append({})
            sizes.append(0)
        offsets = [sizes[-1], sizes[-1] + size]
        shards[-1][name] = {"dtype": "BF16", "shape": shape, "data_offsets": offsets}
        sizes[-1] += size
    block = np.random.default_rng(0).normal(0, 0.02, BLOCK).astype(ml_dtypes.bfloat16).tobytes()
    weight_map = {}
    for number, (header, size) in enumerate(zip(shards, sizes, strict=True), start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        weight_map |= dict.fromkeys(header, file)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with (directory / file).open("wb") as out:
            out.write(len(text).to_bytes(8, "little") + text)
            for start in range(0, size, len(block)):
                out.write(block[: size - start])
    index = {"metadata": {"total_size": sum(sizes)}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    return sizes


def resident() -> dict[str, int]:
    """Bytes of this process that are its own (RssAnon) and that are pages of files (RssFile)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = dict(line.split(":") for line in lines if line.startswith("Rss"))
    return {name: 1024 * int(value.split()[0]) for name, value in found.items()}


class Watch(threading.Thread):
    """The most of each while it runs, beyond what there was when it began."""

    def __init__(self):
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._before = resident()["RssAnon"]
        self.beside = self.files = self.all = 0

    def run(self):
        on_host = jax.default_backend() == "cpu"
        while not self._over.wait(0.005):
            placed = sum(array.nbytes for array in jax.live_arrays()) if on_host else 0
            now = resident()
            own = now["RssAnon"] - self._before
            self.all, self.files = max(self.all, own), max(self.files, now["RssFile"])
            self.beside = max(self.beside, own - placed)

    def stop(self):
        self._over.set()
        self.join()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=36, help="of the decoder")
    parser.add_argument("--shard-gb", type=float, default=4.0)
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float32"))
    parser.add_argument("--folder", help="where the checkpoint is made for a while")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        shard_bytes = int(1e9 * options.shard_gb)
        sizes = write_checkpoint(Path(folder), size_of_3b(options.layers), shard_bytes)
        jax.block_until_ready(jnp.zeros(1))
        watch, began = Watch(), time.monotonic()
        watch.start()
        params = jax.block_until_ready(weights.load(folder, dtype=jnp.dtype(options.dtype)))
        seconds = time.monotonic() - began
        watch.stop()
    figures = {
        "parameters in their place": sum(param.nbytes for param in params.values()),
        "largest parameter": max(param.nbytes for param in params.values()),
        "largest shard file": max(sizes),
        "peak of the process's own memory": watch.all,
        "peak beside the parameters": watch.beside,
        "peak of mapped file pages": watch.files,
    }
    for name, value in figures.items():
        print(f"{name:34}{value / GIB:8.2f} GiB")
    print(f"{'beside, of the largest shard file':34}{watch.beside / max(sizes):8.2f}")
    print(f"{'seconds':34}{seconds:8.1f}")


if __name__ == "__main__":
    main()
