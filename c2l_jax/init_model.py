"""Makes a small model with random weights and a tokenizer fitted to one data set."""

import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from c2l_jax import options
from c2l_jax.data.processor import FORMATS, response_text, user_text
from c2l_jax.models import FAMILIES, weights
from c2l_jax.models import family as family_named
from c2l_jax.models.config import ModelConfig
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere
from records.reading import open_split

# A piece is half a cell ("(1" or ", 2)"), a run of words, a number of up to two digits, one capital
# or one mark; a token never spans two pieces. So the fixed wording of a small data set becomes a
# few tokens, row and column of a cell are one token each, and the marks of a board stay apart.
_PIECES = (
    r" ?\(\p{N}{1,2}|, \p{N}{1,2}\)| ?\p{N}{1,2}"
    r"| ?\p{L}?\p{Ll}+(?:[,:;-]? ?\p{Ll}+)*| ?\S|\s+"
)

_TRAINING_RECORDS = 5000  # plenty for a vocabulary of a thousand; reading more only costs time


def texts(data: AnyPath | str) -> Iterator[str]:
    """Every text a model trained on this data set reads or writes."""
    split = open_split(data, "train")
    stride = math.ceil(len(split) / _TRAINING_RECORDS)
    for record in split.only(stride=stride):
        for name in FORMATS:
            yield user_text(record, name)
            yield response_text(record, name)


def train_tokenizer(corpus: Iterator[str], vocab_size: int, special: Sequence[str]) -> Tokenizer:
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
        vocab_size=vocab_size - len(special),
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["system\n", "user\n", "assistant\n", *corpus], trainer)
    # Special tokens come last, as in Qwen's vocabulary.
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in special])
    return tokenizer


def write_tokenizer(tokenizer: Tokenizer, directory: Path, context: int, of: ModuleType) -> None:
    """Tokeniser and chat template of a family's model."""
    tokenizer.save(str(directory / "tokenizer.json"))
    _write_json(
        directory / "tokenizer_config.json",
        {
            # The class that takes tokenizer.json as it is; Qwen2Tokenizer would put Unicode
            # normalisation and its own splitting rule in the place of ours.
            "tokenizer_class": "TokenizersBackend",
            "eos_token": of.END_TOKEN,
            "pad_token": "<|endoftext|>",
            "additional_special_tokens": of.SPECIAL_TOKENS,
            "clean_up_tokenization_spaces": False,
            "model_max_length": context,
        },
    )
    (directory / "chat_template.jinja").write_text(of.CHAT_TEMPLATE)


def write_settings(config: ModelConfig, directory: Path) -> None:
    """preprocessor_config.json and generation_config.json."""
    text = config.text_config
    preprocessor = family_named(config.MODEL_TYPE).preprocessor(config)
    _write_json(directory / "preprocessor_config.json", preprocessor)
    _write_json(
        directory / "generation_config.json",
        {
            "bos_token_id": text.bos_token_id,
            "pad_token_id": text.bos_token_id,
            "eos_token_id": [text.eos_token_id, text.bos_token_id],
        },
    )


def init_model(
    *,
    data: AnyPath | str,
    out: AnyPath | str,
    family: str = "qwen2_5_vl",
    preset: str = "tiny",
    seed: int = 0,
) -> int:
    """Writes the model directory `out`; returns the number of parameters.

    Raises UserError for an unknown family or preset, a data set that isn't there, and an `out`
    that is.
    """
    options.check_seed(seed)
    of = family_named(family)
    if preset not in of.PRESETS:
        raise UserError(f"no preset {preset!r}: choose from {', '.join(sorted(of.PRESETS))}.")
    out = anywhere(out)
    if out.exists():
        raise UserError(f"{out} exists: remove it or choose another --out.")
    sizes = of.PRESETS[preset]
    tokenizer = train_tokenizer(texts(data), sizes["vocab_size"], of.SPECIAL_TOKENS)
    # The whole size even if the data set is too small to fill it, so that presets compare.
    vocab_size = max(sizes["vocab_size"], tokenizer.get_vocab_size())
    ids = {token: tokenizer.token_to_id(token) for token in of.SPECIAL_TOKENS}
    config = of.preset_config(sizes, vocab_size, ids)
    params = weights.init(config, seed)
    with tempfile.TemporaryDirectory() as source:
        context = config.text_config.max_position_embeddings
        write_tokenizer(tokenizer, Path(source), context, of)
        write_settings(config, Path(source))
        weights.export(config, params, out, source)
    count = sum(leaf.size for leaf in params.values())
    print(f"{out}: {count / 1e6:.2f} M parameters", file=sys.stderr)
    return count


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


@exit_on_user_error
def main(arguments: list[str] | None = None) -> None:
    parser = options.parser_of(
        init_model,
        "c2l_jax.init_model",
        "Make a small vision-language model with random weights, to be trained from scratch. Its "
        "byte-level tokenizer is fitted to the texts of one data set. The result is a Hugging Face "
        "directory: c2l_jax and transformers load it like a published checkpoint.",
        epilog="example: python -m c2l_jax.init_model --preset tiny --data data/tictactoe "
        "--out models/tiny",
    )
    parser.add_argument(
        "--family", choices=sorted(FAMILIES), help="kind of model (default: %(default)s)"
    )
    parser.add_argument("--preset", help="size: nano or tiny (default: %(default)s)")
    parser.add_argument("--data", required=True, help="data set (its train split is read)")
    parser.add_argument("--out", required=True, help="directory to create")
    parser.add_argument("--seed", type=int, help="seed of the weights (default: %(default)s)")
    init_model(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
