"""A model directory whose model says one text, whatever it is asked."""

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from c2l_jax.data.processor import Processor
from records.reading import open_split


def write(out: Path, model: Path, data: Path, text: str) -> Path:
    """Copies `model` with weights by which each token of `text` is followed by the next.

    Layers add nothing, an embedding is a direction of its own, and the head has the token that
    follows in this direction. No token may occur twice in the text.
    """
    shutil.copytree(model, out)
    processor = Processor(out)
    prompt = processor.prompt(open_split(data, "test")[0], "cot")["tokens"]
    chain = [int(prompt[-1]), *processor.response(text).tolist()]
    assert len(set(chain)) == len(chain), processor.tokenizer.convert_ids_to_tokens(chain)
    weights = load_file(out / "model.safetensors")
    for name in weights:
        if name.endswith(("o_proj.weight", "down_proj.weight")) and "visual" not in name:
            weights[name] = np.zeros_like(weights[name])
    embedding = np.zeros_like(weights["model.embed_tokens.weight"])
    head = np.zeros_like(embedding)
    for place, (token, following) in enumerate(itertools.pairwise(chain)):
        embedding[token, place] = 1
        head[following, place] = 10
    weights |= {"model.embed_tokens.weight": embedding, "lm_head.weight": head}
    weights["model.norm.weight"] = np.ones_like(weights["model.norm.weight"])
    save_file(weights, out / "model.safetensors", {"format": "pt"})
    config = json.loads((out / "config.json").read_text())
    config["tie_word_embeddings"] = config["text_config"]["tie_word_embeddings"] = False
    (out / "config.json").write_text(json.dumps(config))
    return out
