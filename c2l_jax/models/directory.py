"""The files of a Hugging Face model directory, with the precedence that transformers gives them.

docs/checkpoints.md lists every file: read, copied on export, or refused.
"""

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from c2l_jax.models import peft
from records.errors import UserError
from records.paths import AnyPath, anywhere, local_copy, read_json

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
TEMPLATES = "additional_chat_templates"  # a folder

# Whatever of these a directory has is copied on export, beside config.json and the weights.
COPIED = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    TEMPLATES,
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "processor_config.json",
    "generation_config.json",
)
# What decides a token's log-probability, beside the weights; the order is part of fingerprints.
_SETTINGS = ("config", "preprocessor_config", "tokenizer", "tokenizer_config", "chat_template")
_FINGERPRINTED = (
    *(f"{name}.json" for name in _SETTINGS),
    "chat_template.jinja",
    "processor_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_BLOCK = 1 << 24  # bytes read at a time
_ROWS = 4096  # of two tensors compared at a time


def weight_files(directory: Path) -> list[Path]:
    """One whole file, or else the shards that an index names, as transformers chooses.

    Raises UserError where there is neither, for a damaged index and for an adapter's directory.
    """
    if (directory / "adapter_config.json").exists():
        raise UserError(
            f"{directory} holds an adapter (adapter_config.json), not whole weights: merge it into "
            "its base model first."
        )
    if (directory / WEIGHTS).exists():
        return [directory / WEIGHTS]
    if not (directory / INDEX).exists():
        raise UserError(f"{directory} has neither {WEIGHTS} nor {INDEX}.")
    shards = read_json(directory / INDEX).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(name, str) for name in shards.values()):
        raise UserError(f"{directory / INDEX} has no weight_map of file names: copy it again.")
    return [directory / name for name in sorted(set(shards.values()))]


def open_tensors(
    directory: Path, files: contextlib.ExitStack, rename: Callable[[str], str] = str
) -> dict:
    """Name -> safetensors slice of all weights; open as long as `files`.

    Raises UserError for a file that can't be read.
    """
    tensors = {}
    for path in weight_files(directory):
        try:
            file = files.enter_context(safe_open(path, framework="np"))
        except (OSError, SafetensorError) as error:
            raise UserError(f"{path} can't be read: {error}.") from None
        tensors |= {rename(key): file.get_slice(key) for key in file.keys()}
    return tensors


def holds_both(directory: Path, names: Sequence[str], other: str) -> bool:
    """Whether the weights hold `other` with other values than the first of `names` they hold.

    False where there are no weights: a config alone is enough to plan a run.
    """
    if not any((directory / name).exists() for name in (WEIGHTS, INDEX)):
        return False
    with contextlib.ExitStack() as files:
        tensors = open_tensors(directory, files)
        first = next((tensors[name] for name in names if name in tensors), None)
        if first is None or other not in tensors:
            return False
        second = tensors[other]
        if first.get_shape() != second.get_shape():
            return True
        rows = first.get_shape()[0]
        parts = (slice(row, min(row + _ROWS, rows)) for row in range(0, rows, _ROWS))
        return any(not np.array_equal(first[part], second[part]) for part in parts)


def chat_template(directory: Path) -> str | None:
    """The template that transformers' AutoProcessor takes, None where only a tokeniser's is there.

    In this order: "chat_template" in processor_config.json, chat_template.json,
    chat_template.jinja (`ProcessorMixin.get_processor_dict`). Raises UserError for templates that
    transformers refuses, too.
    """
    if (path := directory / "processor_config.json").exists():
        if (template := read_json(path).get("chat_template")) is not None:
            return _default(template, path)
    more = sorted((directory / TEMPLATES).glob("*.jinja"))
    if (path := directory / "chat_template.json").exists():
        if more:
            raise UserError(f"{path} and {more[0].parent} contradict each other: keep one of them.")
        return _default(read_json(path).get("chat_template"), path)
    if (path := directory / "chat_template.jinja").exists():
        return path.read_text(encoding="utf-8")
    if more:
        raise UserError(f"{more[0].parent} has no default beside it: add {path}.")
    return None


def _default(template: object, path: Path) -> str:
    if isinstance(template, dict):
        template = template.get("default")
    if not isinstance(template, str):
        raise UserError(f"{path} has no (default) chat_template: copy it again.")
    return template


def end_token_ids(directory: Path) -> list[int]:
    """Every id that generation_config.json or config.json calls an end of a sequence."""
    found: list[int] = []
    settings = [read_json(directory / "config.json")]
    settings.append(settings[0].get("text_config") or {})
    if (path := directory / "generation_config.json").exists():
        settings.insert(0, read_json(path))
    for part in settings:
        ids = part.get("eos_token_id")
        found += ids if isinstance(ids, list) else [] if ids is None else [ids]
    return list(dict.fromkeys(found))


def fingerprint(directory: AnyPath | str) -> str:
    """SHA-256 over a model directory's weights, tokenizer and settings: 64 hexadecimal digits.

    Two directories with the same fingerprint give every token the same log-probability: what
    transformers would not read does not count; an adapter's says its base model's, too. Raises
    UserError where there are no weights.
    """
    directory, digest = local_copy(anywhere(directory)), hashlib.sha256()
    if peft.is_adapter_directory(directory):
        digest.update(fingerprint(peft.base_of(directory)).encode())
        return _digest(directory, (peft.CONFIG, peft.WEIGHTS), digest)
    names = list(_FINGERPRINTED)
    if not (directory / "tokenizer.json").exists():
        names += ["vocab.json", "merges.txt"]
    names += [f"{TEMPLATES}/{path.name}" for path in sorted((directory / TEMPLATES).glob("*"))]
    names += [path.name for path in weight_files(directory)]
    return _digest(directory, names, digest)


def _digest(directory: Path, names: Sequence[str], digest) -> str:
    for name in names:
        path = directory / name
        if path.exists():
            digest.update(f"{name} {path.stat().st_size}\n".encode())
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
    return digest.hexdigest()
