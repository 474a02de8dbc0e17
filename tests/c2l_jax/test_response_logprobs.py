"""Scores of responses do not depend on what they are scored beside."""

import numpy as np
import pytest

from c2l_jax import response_logprobs
from c2l_jax.data.processor import Processor
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.sharding import make_mesh
from records.errors import UserError
from records.reading import open_split
from tests.c2l_jax import sampled


@pytest.fixture(scope="module")
def scored(model_dir, dataset):
    """score(number of questions, responses of each), with the small model."""
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    model = load_model(model_dir, mesh, Compute())
    processor, split = Processor(model.directory), open_split(dataset, "train")

    def score(indices, which, rows=2):
        def question(number):
            record = split[indices[number]]
            texts = [response["text"] for response in sampled.responses_of(record)]
            return record, "cot", [texts[i] for i in which]

        return response_logprobs.response_logprobs(
            model.graphdef,
            model.params,
            processor,
            question,
            len(indices),
            mesh=mesh,
            rows=rows,
        )

    score.lengths = lambda index: [
        len(processor.response(r["text"])) for r in sampled.responses_of(split[index])
    ]
    return score


def test_company_changes_nothing(scored, monkeypatch):
    together = scored(range(5), (0, 1, 2, 3))
    for index in range(5):
        assert [len(logps) for logps in together[index]] == scored.lengths(index)
        assert all((logps < 0).all() for logps in together[index])
    alone = scored([3], (2,))
    np.testing.assert_allclose(alone[0][0], together[3][2], atol=1e-5)
    # Rows too short for all responses of a question: it comes several times.
    monkeypatch.setattr(response_logprobs, "ROW_TOKENS", 1)
    split_up = scored(range(5), (0, 1, 2, 3))
    for ours, theirs in zip(split_up, together, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-5)


def test_plan_puts_as_many_responses_together_as_fit():
    sizes = [
        response_logprobs.Size(10, 1, (5, 5, 5)),
        response_logprobs.Size(4, 2, (30,)),
        response_logprobs.Size(2, 0, (1, 1)),
    ]
    shape = response_logprobs.fitting_shape(sizes)
    assert (shape.tokens, shape.targets, shape.tiles) == (64, 32, 4)
    assert response_logprobs.slices(sizes, shape) == [(0, 0, 3), (1, 0, 1), (2, 0, 2)]
    short = response_logprobs.RowShape(tokens=22, targets=32, tiles=2)
    assert response_logprobs.slices(sizes[:1], short) == [(0, 0, 2), (0, 2, 3)]


def test_rows_must_suit_the_devices(scored):
    with pytest.raises(UserError, match="0 rows"):
        scored([0], (0,), rows=0)
