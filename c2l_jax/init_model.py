"""Makes a small Qwen2.5-VL with random weights and a tokenizer fitted to one data set."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
from flax import nnx
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from c2l_jax.data.processor import FORMATS, response_text, user_text
from c2l_jax.data.records import open_split
from c2l_jax.errors import UserError, exit_on_user_error
from c2l_jax.evaluate import check_seed
from c2l_jax.models.qwen2_5_vl import weights
from c2l_jax.models.qwen2_5_vl.config import Config, TextConfig, VisionConfig
from c2l_jax.paths import AnyPath, anywhere

# name -> size of the vocabulary and the fields of both configs that aren't the tokenizer's to say.
PRESETS = {
    "nano": {  # 0.3 M parameters, for tests: learns nothing, compiles in seconds
        "vocab_size": 640,
        "text": {
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "mrope_section": (2, 3, 3),
            "max_position_embeddings": 4096,
        },
        "vision": {
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 64,
            "fullatt_block_indexes": (1,),
        },
    },
    "tiny": {  # 2.4 M parameters: learns to read boards of 112 px on two cores in minutes
        "vocab_size": 2048,
        "text": {
            "hidden_size": 192,
            "intermediate_size": 512,
            "num_hidden_layers": 3,
            # Few and wide heads: on a CPU attention costs what its scores cost.
            "num_attention_heads": 3,
            "num_key_value_heads": 1,
            # Small grids and short texts: higher frequencies, most of them for rows and columns.
            "rope_theta": 100.0,
            "mrope_section": (2, 15, 15),
            "max_position_embeddings": 4096,
        },
        "vision": {
            "depth": 2,
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_heads": 2,
            "out_hidden_size": 192,
            "fullatt_block_indexes": (1,),
        },
    },
}

SPECIAL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]

# A piece is half a cell ("(1" or ", 2)"), a run of words, a number of up to two digits, one capital
# or one mark; a token never spans two pieces. So the fixed wording of a small data set becomes a
# few tokens, row and column of a cell are one token each, and the marks of a board stay apart.
_PIECES = (
    r" ?\(\p{N}{1,2}|, \p{N}{1,2}\)| ?\p{N}{1,2}"
    r"| ?\p{L}?\p{Ll}+(?:[,:;-]? ?\p{Ll}+)*| ?\S|\s+"
)

# Same output as Qwen2.5-VL's template, but a conversation without a system message gets none.
CHAT_TEMPLATE = """\
{%- for message in messages -%}
{{- "<|im_start|>" + message.role + "\\n" -}}
{%- if message.content is string -%}
{{- message.content -}}
{%- else -%}
{%- for part in message.content -%}
{%- if part.type == "image" -%}
{{- "<|vision_start|><|image_pad|><|vision_end|>" -}}
{%- elif part.type == "text" -%}
{{- part.text -}}
{%- else -%}
{{- raise_exception("a message part must be of type image or text, not " ~ part.type) -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- "<|im_end|>\\n" -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- "<|im_start|>assistant\\n" -}}
{%- endif -%}
"""

_TRAINING_RECORDS = 5000  # plenty for a vocabulary of a thousand; reading more only costs time


def texts(data: AnyPath | str) -> Iterator[str]:
    """Every text a model trained on this data set reads or writes."""
    split = open_split(data, "train")
    stride = max(1, len(split) // _TRAINING_RECORDS)
    for index in range(0, len(split), stride):
        record = split[index]
        for name in FORMATS:
            yield user_text(record, name)
            yield response_text(record, name)


def train_tokenizer(corpus: Iterator[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE: any text survives encoding and decoding. A token holds one number at most."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(SPECIAL_TOKENS),
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["system\n", "user\n", "assistant\n", *corpus], trainer)
    # Special tokens come last, as in Qwen's vocabulary.
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL_TOKENS])
    return tokenizer


def write_tokenizer(tokenizer: Tokenizer, directory: Path, context: int) -> None:
    tokenizer.save(str(directory / "tokenizer.json"))
    _write_json(
        directory / "tokenizer_config.json",
        {
            # The class that takes tokenizer.json as it is; Qwen2Tokenizer would put Unicode
            # normalisation and its own splitting rule in the place of ours.
            "tokenizer_class": "TokenizersBackend",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "additional_special_tokens": SPECIAL_TOKENS,
            "clean_up_tokenization_spaces": False,
            "model_max_length": context,
        },
    )
    (directory / "chat_template.jinja").write_text(CHAT_TEMPLATE)


def model_config(preset: dict, tokenizer: Tokenizer) -> Config:
    ids = {token: tokenizer.token_to_id(token) for token in SPECIAL_TOKENS}
    return Config(
        TextConfig(
            # The whole size even if the data set is too small to fill it, so that presets compare.
            vocab_size=max(preset["vocab_size"], tokenizer.get_vocab_size()),
            rms_norm_eps=1e-6,  # as the published models have it
            bos_token_id=ids["<|endoftext|>"],
            eos_token_id=ids["<|im_end|>"],
            **preset["text"],
        ),
        VisionConfig(**preset["vision"]),
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )


def write_settings(config: Config, directory: Path) -> None:
    """preprocessor_config.json and generation_config.json."""
    vision, text = config.vision_config, config.text_config
    _write_json(
        directory / "preprocessor_config.json",
        {
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
            "min_pixels": 28 * 28 * 4,
            "max_pixels": 28 * 28 * 16384,
            "patch_size": vision.patch_size,
            "temporal_patch_size": vision.temporal_patch_size,
            "merge_size": vision.spatial_merge_size,
            "image_mean": vision.image_mean,
            "image_std": vision.image_std,
        },
    )
    _write_json(
        directory / "generation_config.json",
        {
            "bos_token_id": text.bos_token_id,
            "pad_token_id": text.bos_token_id,
            "eos_token_id": [text.eos_token_id, text.bos_token_id],
        },
    )


def create(preset: str, data: AnyPath | str, out: AnyPath | str, seed: int) -> int:
    """Writes the model directory `out`; returns the number of parameters."""
    if preset not in PRESETS:
        raise UserError(f"no preset {preset!r}: choose from {', '.join(sorted(PRESETS))}.")
    out = anywhere(out)
    if out.exists():
        raise UserError(f"{out} exists: remove it or choose another --out.")
    sizes = PRESETS[preset]
    tokenizer = train_tokenizer(texts(data), sizes["vocab_size"])
    config = model_config(sizes, tokenizer)
    _, params = weights.init(config, seed)
    with tempfile.TemporaryDirectory() as source:
        write_tokenizer(tokenizer, Path(source), config.text_config.max_position_embeddings)
        write_settings(config, Path(source))
        weights.export(config, params, out, source)
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.to_pure_dict(params)))


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


@exit_on_user_error
def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m c2l_jax.init_model",
        description="Make a small Qwen2.5-VL with random weights, to be trained from scratch. "
        "Its byte-level tokenizer is fitted to the texts of one data set. The result is a Hugging "
        "Face directory: c2l_jax and transformers load it like a published checkpoint.",
        epilog="example: python -m c2l_jax.init_model --preset tiny --data data/tictactoe "
        "--out models/tiny",
    )
    parser.add_argument("--preset", default="tiny", help=f"size: {', '.join(sorted(PRESETS))}")
    parser.add_argument("--data", required=True, help="data set (its train split is read)")
    parser.add_argument("--out", required=True, help="directory to create")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights (default: 0)")
    options = parser.parse_args(arguments)
    check_seed(options.seed)
    count = create(options.preset, options.data, options.out, options.seed)
    print(f"{options.out}: {count / 1e6:.2f} M parameters", file=sys.stderr)


if __name__ == "__main__":
    main()
