"""Asks a model questions by hand, about pictures or without.

  python -m c2l_jax.chat --model runs/sft --image board.png --question "What is at (0, 1)?"

--model is a Hugging Face directory or the working directory of a training run. Prints
the response as the model wrote it. Without --question it asks for questions in the terminal until
an empty line; every question stands alone, with the same pictures.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from c2l_jax.data.pictures import open_image
from c2l_jax.data.processor import Processor
from c2l_jax.evaluate import add_dtype, check_positive, check_seed, check_temperature
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh
from records.errors import UserError, exit_on_user_error
from records.paths import anywhere

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

    def __init__(self, args: argparse.Namespace):
        # One row can't be shared: on several devices each holds a part of every matrix instead.
        self._mesh = make_mesh({"data": 1, "fsdp": 1, "tensor": -1})
        self._model = load_model(args.model, self._mesh, Compute(args.dtype))
        self._args, self.processor = args, Processor(self._model.directory)
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
                max_tokens=self._args.max_tokens,
                rows=1,
                temperature=self._args.temperature,
            )
            # In the same layout for any shape.
            self._params = self._params or self._sampler.prepare(self._model.params, consume=True)
        prompts = [(self._asked, prompt)]
        self._asked += 1  # so that a question asked twice is drawn anew
        ((_, (response,)),) = self._sampler.run(self._params, prompts, n=1, seed=self._args.seed)
        if not response.ended:
            print(f"(cut off after {self._args.max_tokens} tokens)", file=sys.stderr)
        return self.processor.tokenizer.decode(response.tokens)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m c2l_jax.chat",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", type=anywhere, required=True, metavar="DIR_OR_WORKDIR")
    parser.add_argument(
        "--image",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a picture to show before the question; may be given several times, or not at all",
    )
    parser.add_argument("--question", help="what to ask (default: what is typed)")
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.0,
        help="0 takes the likeliest token, 1 draws as the model's probabilities say (default: 0)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random draws (default: 0)")
    parser.add_argument(
        "--max-tokens", type=int, default=512, help="longest response (default: 512)"
    )
    add_dtype(parser)
    args = parser.parse_args(arguments)
    check_positive(max_tokens=args.max_tokens)
    check_seed(args.seed)
    check_temperature(args.temperature)
    if args.question is None and not sys.stdin.isatty():
        raise UserError("there is no terminal to ask for questions in: give --question.")
    return args


@exit_on_user_error
def main(arguments: list[str] | None = None):
    args = parse_arguments(arguments)
    pictures = [open_image(path) for path in args.image]
    chat = Chat(args)
    for question in typed_questions() if args.question is None else [args.question]:
        print(chat.reply(question, pictures), flush=True)


if __name__ == "__main__":
    main()
