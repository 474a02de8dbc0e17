"""Records to tokens and patches: wording, chat template, picture slots, targets.

An example is a trunk (the prompt without its last token) and branches (each the prompt's last
token and a response). A branch sees the trunk and itself, so K responses share one prompt.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from c2l_jax.data import layout
from c2l_jax.data.pictures import open_pictures, picture_sizes
from c2l_jax.models import family_of
from c2l_jax.models.directory import chat_template, end_token_ids
from records.errors import UserError
from records.paths import AnyPath, anywhere, local_copy
from records.schema import PICTURE, answer_text

INSTRUCTIONS = {
    "cot": "Reason step by step. Finish with a line that reads: ### Answer: X",
    # See `as_asked`.
    "open": "Reason step by step. Finish with a line that reads: ### Answer: X",
    "direct": "Reply with the answer alone.",
}
# Asked without a question: for the first step of the chain, which reads what matters in the
# picture, or for the whole position. One prompt for all pictures is what reading is learned from
# soonest.
READINGS = {
    "look": "Look at the picture and take the first step.",
    "transcribe": "Write down the position that the picture shows.",
}
FORMATS = (*INSTRUCTIONS, *READINGS)


def as_asked(record: dict, format: str) -> dict:
    """The record as the model sees it: "open" makes a fill-in question of a choice.

    There is nothing to choose from by chance then, and no letter to look up, which a model of few
    layers finds harder than the game.
    """
    if format != "open" or not record["options"]:
        return record
    # The last step of a choice names its letter.
    steps = record["steps"][:-1]
    return record | {"options": [], "answer": answer_text(record), "steps": steps}


def user_text(record: dict, format: str) -> str:
    """What the user says about a record, without the picture."""
    if format in READINGS:
        return READINGS[format]
    record = as_asked(record, format)
    lines = [record["question"]]
    if record["options"]:
        lines += ["Options:", *(f"{letter(i)}. {text}" for i, text in enumerate(record["options"]))]
    return "\n".join([*lines, INSTRUCTIONS[format]])


def response_text(record: dict, format: str) -> str:
    """What the assistant should reply; a sampled response as it is.

    Raises UserError where the record does not tell.
    """
    if "response" in record:
        return record["response"]
    needed = {"transcribe": "description", "look": "steps"}.get(format)
    if needed and not record[needed]:
        raise UserError(
            f"record {record['id']} has no {needed}, which the format {format} asks for: give that "
            "no weight in config.data.formats."
        )
    if format == "transcribe":
        return record["description"]
    if format == "direct":
        return record["answer"]
    if format == "look":
        return record["steps"][0]
    record = as_asked(record, format)
    return "\n".join([*record["steps"], f"### Answer: {record['answer']}"])


def letter(index: int) -> str:
    return chr(ord("A") + index)


class Processor:
    """Tokeniser, chat template and picture settings of one model directory.

    Raises UserError for a tokeniser that is damaged or gives ids beyond the embedding, and for a
    chat template that can't take pictures.
    """

    def __init__(self, directory: AnyPath | str):
        self.directory = local_copy(anywhere(directory))
        if not self.directory.is_dir():
            raise UserError(
                f"no model directory at {directory}: give a Hugging Face directory, or make a "
                "small one with `python -m c2l_jax.init_model`."
            )
        family = family_of(self.directory)
        config = family.Config.from_directory(self.directory)
        self.pictures = family.pictures(self.directory)
        self.image_token, self._positions = family.IMAGE_TOKEN, family.positions
        marks = [family.IMAGE_TOKEN, family.END_TOKEN]
        self.tokenizer = load_tokenizer(self.directory, config.text_config.vocab_size, marks)
        self.image_token_id, self.end_token_id = self.tokenizer.convert_tokens_to_ids(marks)
        if self.image_token_id != config.image_token_id:
            raise UserError(
                f"{self.image_token} is token {self.image_token_id} of the tokeniser in "
                f"{directory} and token {config.image_token_id} of its config.json: they must be "
                "the same."
            )
        # What closes a response that is trained on, and whatever else may end one.
        ends = [self.end_token_id, self.tokenizer.eos_token_id, *end_token_ids(self.directory)]
        self.end_token_ids = tuple(dict.fromkeys(end for end in ends if end is not None))
        # What a policy must not write: special tokens that end nothing, and ids without a token.
        special = {i for i, t in self.tokenizer.added_tokens_decoder.items() if t.special}
        nothing = set(range(config.text_config.vocab_size)) - set(
            self.tokenizer.get_vocab().values()
        )
        self.forbidden_token_ids = tuple(sorted((special | nothing) - set(self.end_token_ids)))
        self._check_template()

    def prompt(self, record: dict, format: str) -> dict[str, np.ndarray]:
        """The prompt of one record up to where the assistant begins.

        Returns tokens [n], positions [n, 3], image_slots [n], patches [G, S, P] uint8,
        patch_coords [G, S, 2] and tile_images [G] (all int32 but the patches), and
        next_position, where a response goes on. Raises UserError for a picture that is missing
        or unreadable.
        """
        return self.question(user_text(record, format), open_pictures(record))

    def question(self, text: str, pictures: Sequence[Image.Image]) -> dict[str, np.ndarray]:
        """The prompt of a user who shows pictures (of any mode) and says `text`; as `prompt`."""
        return self.assemble(self._render(text, len(pictures)), pictures)

    def size(self, record: dict, format: str) -> tuple[int, int]:
        """(tokens, tiles) of a record's prompt, without decoding its pictures.

        Raises UserError for a picture that is missing or no picture.
        """
        sizes = picture_sizes(record)
        text = self._render(user_text(record, format), len(sizes))
        tokens, tiles = len(self.tokenizer(text, add_special_tokens=False).input_ids), 0
        for width, height in sizes:
            merged, of_picture = self.pictures.size(height, width)
            tokens, tiles = tokens + merged - 1, tiles + of_picture
        return tokens, tiles

    def _check_template(self):
        mark = "the question"
        try:
            text = self._render(mark, 1)
        # Whatever the template's own code or its raise_exception raises.
        except Exception as error:
            raise UserError(
                f"the chat template in {self.directory} can't take a question with a picture "
                f"({type(error).__name__}: {error}): take the published one of this model."
            ) from error
        if text.count(self.image_token) != 1 or mark not in text or "{'type'" in text:
            raise UserError(
                f"the chat template in {self.directory} makes of a question with one picture "
                f"{text!r}, which must hold {self.image_token} once: take the published one of "
                "this model."
            )

    def _render(self, text: str, pictures: int) -> str:
        """The chat template up to where the assistant begins, one image token a picture.

        Pictures are where the text says so, if it does so for all of them; else they come first.
        """
        image, pieces = {"type": "image"}, text.split(PICTURE)
        if not pictures or len(pieces) != pictures + 1:
            content = [image] * pictures + [{"type": "text", "text": text}]
        else:
            first, *rest = ({"type": "text", "text": piece} for piece in pieces)
            content = [first, *(part for piece in rest for part in (image, piece))]
            content = [part for part in content if part.get("text") != ""]
        return self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )

    def assemble(self, text: str, pictures: Sequence[Image.Image]) -> dict[str, np.ndarray]:
        """Tokens and patches of a rendered prompt with one image token for each picture."""
        tokens = np.asarray(self.tokenizer(text, add_special_tokens=False).input_ids, np.int32)
        patches = [self.pictures.cut(picture) for picture in pictures]
        is_image = tokens == self.image_token_id
        if is_image.sum() != len(patches):
            raise UserError(
                f"a prompt holds {is_image.sum()} image tokens for {len(patches)} pictures: "
                f"{self.image_token} must not occur in a question."
            )
        repeats = np.ones(len(tokens), int)
        repeats[is_image] = [len(p.slots_n) for p in patches]
        tokens = np.repeat(tokens, repeats)
        is_image = tokens == self.image_token_id
        positions, next_position = self._positions(is_image, [p.merged_hw for p in patches])
        tiles = [len(p.pixels_gsp) for p in patches]
        image_slots = np.full(len(tokens), -1, np.int32)
        if patches:
            offsets = np.cumsum([0, *tiles[:-1]]) * self.pictures.merged_per_tile
            image_slots[is_image] = np.concatenate(
                [p.slots_n + offset for p, offset in zip(patches, offsets, strict=True)]
            )
        grids = np.asarray([p.grid_hw for p in patches], np.int32).reshape(-1, 2)
        empty = np.zeros((0, *self.pictures.patch_shape), np.uint8)
        coords = np.zeros((0, self.pictures.patch_shape[0], 2), np.int32)
        return {
            "tokens": tokens,
            "positions": positions,
            "image_slots": image_slots,
            "patches": np.concatenate([empty, *(p.pixels_gsp for p in patches)]),
            "patch_coords": np.concatenate([coords, *(p.coords_gs2 for p in patches)]),
            "tile_images": np.repeat(np.arange(1, len(patches) + 1), tiles).astype(np.int32),
            "tile_grids": np.repeat(grids, tiles, axis=0),
            "next_position": next_position,
        }

    def example(self, record: dict, format: str) -> dict[str, np.ndarray]:
        """One training example: the prompt as trunk and the record's response as branch 1."""
        response = self.response(response_text(record, format))
        return {"id": record["id"], **add_branches(self.prompt(record, format), [response])}

    def response(self, text: str) -> np.ndarray:
        """Tokens [r] of a reply, closed by the end-of-turn token."""
        return self.response_and_starts(text)[0]

    def response_and_starts(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """`response`, and the character [r] of the text at which each of its tokens begins.

        The end-of-turn token begins at len(text).
        """
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        tokens = [*encoded.input_ids, self.end_token_id]
        starts = [*(start for start, _ in encoded.offset_mapping), len(text)]
        return np.asarray(tokens, np.int32), np.asarray(starts, np.int32)


def load_tokenizer(
    directory: Path, vocab_size: int, marks: Sequence[str]
) -> PreTrainedTokenizerBase:
    """The tokeniser of a model directory, with the chat template that AutoProcessor takes.

    Raises UserError where it can't be loaded, lacks one of `marks` or a template, or where one of
    its ids is no row of an embedding of `vocab_size` rows (JAX would clamp it silently).
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(directory))
    except Exception as error:  # the tokenizers library raises bare Exceptions for damaged files
        reason = str(error).strip().splitlines()
        raise UserError(
            f"the tokeniser in {directory} can't be loaded "
            f"({type(error).__name__}: {reason[0] if reason else 'no reason given'}): "
            "copy tokenizer.json and tokenizer_config.json again."
        ) from error
    ids = tokenizer.get_vocab()
    if missing := [token for token in marks if token not in ids]:
        raise UserError(f"the tokeniser in {directory} lacks {', '.join(missing)}.")
    last = max(ids, key=ids.get)
    if ids[last] >= vocab_size:
        raise UserError(
            f"the tokeniser in {directory} gives ids up to {ids[last]} ({last!r}), and the "
            f"embedding has {vocab_size} rows: use the tokeniser that the weights were trained "
            "with, or resize the embedding (resize_token_embeddings in transformers)."
        )
    template = chat_template(directory)
    if template is not None:
        tokenizer.chat_template = template
    if tokenizer.chat_template is None:
        raise UserError(
            f"{directory} has no chat template: copy chat_template.json or chat_template.jinja of "
            "the model there."
        )
    return tokenizer


def continued(prompt: dict, tokens: np.ndarray) -> dict[str, np.ndarray]:
    """A prompt behind which the assistant has already said these tokens [n]."""
    position = prompt["next_position"] + np.arange(len(tokens), dtype=np.int32)
    return prompt | {
        "tokens": np.concatenate([prompt["tokens"], tokens]),
        "positions": np.concatenate([prompt["positions"], np.repeat(position[:, None], 3, axis=1)]),
        "image_slots": np.pad(prompt["image_slots"], (0, len(tokens)), constant_values=-1),
        "next_position": prompt["next_position"] + len(tokens),
    }


def add_branches(prompt: dict, responses: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Appends to a prompt one branch a response; the result is ready for packing.

    A branch starts with the prompt's last token, whose output predicts the response's first token;
    the response's last token is a target only. Adds branches [n] and, with an entry for each of
    the r response tokens, targets [r], target_slots [r] (the token whose output predicts it),
    target_branches [r] (all int32) and target_weights [r] float32, all 1; next_position is used up.
    """
    trunk = len(prompt["tokens"]) - 1
    pieces = {
        "tokens": [prompt["tokens"][:trunk]],
        "positions": [prompt["positions"][:trunk]],
        "branches": [np.zeros(trunk, np.int32)],
    }
    for number, response in enumerate(responses, start=1):
        position = prompt["next_position"] - 1 + np.arange(len(response), dtype=np.int32)
        inputs = np.r_[prompt["tokens"][trunk:], response[:-1]][: len(response)]
        pieces["tokens"].append(inputs)
        pieces["positions"].append(np.repeat(position[:, None], 3, axis=1))
        pieces["branches"].append(np.full(len(response), number, np.int32))
    joined = {name: np.concatenate(parts) for name, parts in pieces.items()}
    targets = np.concatenate(responses)
    on_targets = {
        "targets": targets,
        "target_slots": np.arange(trunk, trunk + len(targets), dtype=np.int32),
        "target_branches": joined["branches"][trunk:],
        "target_weights": np.ones(len(targets), np.float32),
    }
    slots = np.full(len(joined["tokens"]), -1, np.int32)
    slots[:trunk] = prompt["image_slots"][:trunk]
    images = {name: prompt[name] for name in layout.on_axis("tiles")}
    return {**joined, **on_targets, "image_slots": slots, **images}
