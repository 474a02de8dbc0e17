"""A model that answers every question with one of two letters, by chance; one of them pays."""

from pathlib import Path

from safetensors.numpy import load_file, save_file

from c2l_jax.data.processor import Processor
from tests.c2l_jax import speaking


def write(out: Path, model: Path, data: Path) -> Path:
    """Copies `model` so that it says "# Answer: A" or "# Answer: C", both alike likely."""
    speaking.write(out, model, data, "# Answer: A")
    processor = Processor(out)
    answers = [processor.response(f"# Answer: {letter}").tolist() for letter in "AC"]
    assert {len(answer) for answer in answers} == {5}, answers
    (*_, colon, says_a, _), (*_, says_c, _) = answers
    weights = load_file(out / "model.safetensors")
    embedding, head = weights["model.embed_tokens.weight"], weights["lm_head.weight"]
    head[says_c, embedding[colon].argmax()] = head[says_a, embedding[colon].argmax()]
    head[says_c, -1] = 1  # where nothing is, so that only adapters can tell the two apart
    embedding[says_c] = embedding[says_a]  # so that the same follows, the end
    save_file(weights, out / "model.safetensors", {"format": "pt"})
    return out


def reward(records, responses) -> list[float]:
    """1 for the letter that pays, whatever the question."""
    return [float(response.endswith("C")) for response in responses]
