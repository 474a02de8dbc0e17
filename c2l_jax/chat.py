"""Asks a model questions by hand, about pictures or without.

  python -m c2l_jax.chat --model runs/sft --image board.png --question "What is at (0, 1)?"

--model is a Hugging Face directory or the working directory of a training run. Prints
the response as the model wrote it. Without --question it asks for questions in the terminal until
an empty line; every question stands alone, with the same pictures.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from c2l_jax import options
from c2l_jax.data.pictures import open_image
from c2l_jax.data.processor import Processor
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere

ROOM = 256  # tokens by which a later question may be longer without compiling anew


def typed_questions() -> Iterator[str]:
    """What is typed, up to an empty line."""
    while question := _typed_line():
        yield question


def _typed_line() -> str:
    try:
        return input("question: ").strip()
    except EOFError:
        return ""


class Chat:
    """A loaded model that answers one prompt after the other."""

    def __init__(
        self,
        model: AnyPath,
        *,
        temperature: float,
        seed: int,
        max_tokens: int,
        dtype: str,
    ):
        # One row can't be shared: on several devices each holds a part of every matrix instead.
        self._mesh = make_mesh({"data": 1, "fsdp": 1, "tensor": -1})
        self._model = load_model(model, self._mesh, Compute(dtype))
        self._temperature, self._seed, self._max_tokens = temperature, seed, max_tokens
        self.processor = Processor(self._model.directory)
        self._shape, self._sampler, self._params = PromptShape(0, 0), None, None
        self._asked = 0

    def reply(self, question: str, pictures: list[Image.Image]) -> str:
        prompt = self.processor.question(question, pictures)
        tokens, tiles = len(prompt["tokens"]), len(prompt["tile_images"])
        if self._sampler is None or tokens > self._shape.tokens or tiles > self._shape.tiles:
            self._shape = PromptShape.that_fits([(tokens + ROOM, tiles)])
            self._sampler = Sampler(
                self._model.config,
                self._model.compute,
                mesh=self._mesh,
                shape=self._shape,
                end_tokens=self.processor.end_token_ids,
                max_tokens=self._max_tokens,
                rows=1,
                temperature=self._temperature,
            )
            # In the same layout for any shape.
            self._params = self._params or self._sampler.prepare(self._model.params, consume=True)
        prompts = [(self._asked, prompt)]
        self._asked += 1  # so that a question asked twice is drawn anew
        ((_, (response,)),) = self._sampler.run(self._params, prompts, n=1, seed=self._seed)
        if not response.ended:
            print(f"(cut off after {self._max_tokens} tokens)", file=sys.stderr)
        return self.processor.tokenizer.decode(response.tokens)


def chat(
    *,
    model: AnyPath | str,
    image: Sequence[Path | str] = (),
    question: str | None = None,
    temperature: float = 0.0,
    seed: int = 0,
    max_tokens: int = 512,
    dtype: str | None = None,
):
    """Prints the response to a question about pictures, or to every question that is typed.

    Raises UserError for arguments that make no sense, and for a model or picture that isn't there.
    """
    options.check_positive(max_tokens=max_tokens)
    options.check_seed(seed)
    options.check_temperature(temperature)
    if question is None and not sys.stdin.isatty():
        raise UserError("there is no terminal to ask for questions in: give --question.")
    dtype = options.chosen_dtype(dtype)
    pictures = [open_image(Path(path)) for path in image]
    loaded = Chat(
        anywhere(model), temperature=temperature, seed=seed, max_tokens=max_tokens, dtype=dtype
    )
    for text in typed_questions() if question is None else [question]:
        print(loaded.reply(text, pictures), flush=True)


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = options.parser_of(chat, "c2l_jax.chat", __doc__)
    parser.add_argument("--model", required=True, metavar="DIR_OR_WORKDIR")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FILE",
        help="a picture to show before the question; may be given several times, or not at all",
    )
    parser.add_argument("--question", help="what to ask (default: what is typed)")
    parser.add_argument(
        "--temperature",
        type=float,
        help="0 takes the likeliest token, 1 draws as the model's probabilities say (default: "
        "%(default)s)",
    )
    parser.add_argument("--seed", type=int, help="of the random draws (default: %(default)s)")
    parser.add_argument("--max-tokens", type=int, help="longest response (default: %(default)s)")
    options.add_dtype(parser)
    chat(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
