"""Records to tokens and patches: wording, chat template, picture slots, targets.

An example is a trunk (the prompt without its last token) and branches (each the prompt's last
token and a response). A branch sees the trunk and itself, so K responses share one prompt.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from transformers import AutoTokenizer

from c2l_jax.data.images import ImageSpec, patchify
from c2l_jax.data.positions import mrope_positions
from c2l_jax.errors import UserError

IMAGE_TOKEN, END_TOKEN = "<|image_pad|>", "<|im_end|>"

INSTRUCTIONS = {
    "cot": "Reason step by step. Finish with a line that reads: ### Answer: X",
    "direct": "Reply with the answer alone.",
}
TRANSCRIBE = "Write down the position that the picture shows."
FORMATS = (*INSTRUCTIONS, "transcribe")


def user_text(record: dict, format: str) -> str:
    """What the user says about a record, without the picture."""
    if format == "transcribe":
        return TRANSCRIBE
    lines = [record["question"]]
    if record["options"]:
        lines += ["Options:", *(f"{letter(i)}. {text}" for i, text in enumerate(record["options"]))]
    return "\n".join([*lines, INSTRUCTIONS[format]])


def response_text(record: dict, format: str) -> str:
    """What the assistant should reply."""
    if format == "transcribe":
        return record["description"]
    if format == "direct":
        return record["answer"]
    return "\n".join([*record["steps"], f"### Answer: {record['answer']}"])


def letter(index: int) -> str:
    return chr(ord("A") + index)


class Processor:
    """Tokeniser, chat template and picture settings of one model directory."""

    def __init__(self, directory: str | Path):
        if not Path(directory).is_dir():
            raise UserError(
                f"no model directory at {directory}: give a Qwen2.5-VL directory, or make a small "
                "one with `python -m c2l_jax.init_model`."
            )
        self.image_spec = ImageSpec.from_directory(directory)
        self.tokenizer = AutoTokenizer.from_pretrained(str(directory))
        self.image_token_id, self.end_token_id = self.tokenizer.convert_tokens_to_ids(
            [IMAGE_TOKEN, END_TOKEN]
        )
        if self.tokenizer.chat_template is None:
            raise UserError(f"the tokeniser in {directory} has no chat template.")
        spec = self.image_spec
        self.slots_per_window = (spec.window_size // spec.patch_size) ** 2
        self.patch_dim = 3 * spec.patch_size**2

    def prompt(self, record: dict, format: str) -> dict[str, np.ndarray]:
        """The prompt of one record up to where the assistant begins.

        Returns tokens [n], positions [n, 3], image_slots [n], patches [G, S, patch_dim] uint8,
        patch_coords [G, S, 2] and window_images [G] (all int32 but the patches), and
        next_position, where a response goes on. Raises UserError for a picture that is missing
        or unreadable.
        """
        pictures = [open_picture(record)] if "image" in record else []
        content = [{"type": "image"} for _ in pictures]
        content.append({"type": "text", "text": user_text(record, format)})
        text = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        return self.assemble(text, pictures)

    def assemble(self, text: str, pictures: Sequence[Image.Image]) -> dict[str, np.ndarray]:
        """Tokens and patches of a rendered prompt with one image token for each picture."""
        tokens = np.asarray(self.tokenizer(text, add_special_tokens=False).input_ids, np.int32)
        patches = [patchify(picture, self.image_spec) for picture in pictures]
        is_image = tokens == self.image_token_id
        if is_image.sum() != len(patches):
            raise UserError(
                f"a prompt holds {is_image.sum()} image tokens for {len(patches)} pictures: "
                f"{IMAGE_TOKEN} must not occur in a question."
            )
        repeats = np.ones(len(tokens), int)
        repeats[is_image] = [len(p.slots_n) for p in patches]
        tokens = np.repeat(tokens, repeats)
        is_image = tokens == self.image_token_id
        positions, next_position = mrope_positions(is_image, [p.merged_hw for p in patches])
        slots = self.slots_per_window // self.image_spec.merge_size**2
        windows = [len(p.pixels_gsp) for p in patches]
        image_slots = np.full(len(tokens), -1, np.int32)
        if patches:
            offsets = np.cumsum([0, *windows[:-1]]) * slots
            image_slots[is_image] = np.concatenate(
                [p.slots_n + offset for p, offset in zip(patches, offsets, strict=True)]
            )
        empty = np.zeros((0, self.slots_per_window, self.patch_dim), np.uint8)
        coords = np.zeros((0, self.slots_per_window, 2), np.int32)
        return {
            "tokens": tokens,
            "positions": positions,
            "image_slots": image_slots,
            "patches": np.concatenate([empty, *(p.pixels_gsp for p in patches)]),
            "patch_coords": np.concatenate([coords, *(p.coords_gs2 for p in patches)]),
            "window_images": np.repeat(np.arange(1, len(patches) + 1), windows).astype(np.int32),
            "next_position": next_position,
        }

    def example(self, record: dict, format: str) -> dict[str, np.ndarray]:
        """One training example: the prompt as trunk and the record's response as branch 1."""
        response = self.response(response_text(record, format))
        return {"id": record["id"], **add_branches(self.prompt(record, format), [response])}

    def response(self, text: str) -> np.ndarray:
        """Tokens [r] of a reply, closed by the end-of-turn token."""
        tokens = self.tokenizer(text, add_special_tokens=False).input_ids
        return np.asarray([*tokens, self.end_token_id], np.int32)


def open_picture(record: dict) -> Image.Image:
    """A record's picture in RGB. Raises UserError, with the record's id, where there is none."""
    if not record["image"]:
        raise UserError(
            f"record {record['id']} has an empty picture: generate the data set again, or leave "
            "the image feature out of a text-only one."
        )
    try:
        return Image.open(io.BytesIO(record["image"])).convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"the picture of record {record['id']} can't be read: {error}") from None


def add_branches(prompt: dict, responses: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Appends to a prompt one branch a response; the result is ready for packing.

    A branch starts with the prompt's last token, whose output predicts the response's first token;
    the response's last token is a target only. Adds branches, targets [n] int32 and weights [n]
    float32 (1 where a response token is predicted); next_position is used up.
    """
    trunk = len(prompt["tokens"]) - 1
    pieces = {
        "tokens": [prompt["tokens"][:trunk]],
        "positions": [prompt["positions"][:trunk]],
        "branches": [np.zeros(trunk, np.int32)],
        "targets": [np.zeros(trunk, np.int32)],
        "weights": [np.zeros(trunk, np.float32)],
    }
    for number, response in enumerate(responses, start=1):
        position = prompt["next_position"] - 1 + np.arange(len(response), dtype=np.int32)
        pieces["tokens"].append(np.r_[prompt["tokens"][trunk:], response[:-1]])
        pieces["positions"].append(np.repeat(position[:, None], 3, axis=1))
        pieces["branches"].append(np.full(len(response), number, np.int32))
        pieces["targets"].append(response)
        pieces["weights"].append(np.ones(len(response), np.float32))
    joined = {name: np.concatenate(parts) for name, parts in pieces.items()}
    slots = np.full(len(joined["tokens"]), -1, np.int32)
    slots[:trunk] = prompt["image_slots"][:trunk]
    images = {name: prompt[name] for name in ("patches", "patch_coords", "window_images")}
    return {**joined, "image_slots": slots, **images}
