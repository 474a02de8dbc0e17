"""What the preference objective trains on of a pair, and what it refuses."""

import numpy as np
import pytest

from c2l_jax.data.processor import Processor, add_branches
from c2l_jax.objectives import dpo
from records.errors import UserError
from records.reading import open_split
from tests.c2l_jax.tiny import dpo_settings as settings


@pytest.fixture(scope="module")
def processor(model_dir):
    return Processor(model_dir)


TEXT = "The red\ncell is  at row 5."


@pytest.mark.parametrize(
    ("words", "score_end", "kept"),
    [
        (0, True, TEXT + "<end>"),
        (0, False, TEXT),
        (90, True, TEXT + "<end>"),
        (7, True, TEXT + "<end>"),  # exactly all words: nothing is cut off
        (7, False, TEXT),
        (6, True, "The red\ncell is  at row"),  # cut: no end token
        (3, False, "The red\ncell"),
        (1, True, "The"),
    ],
)
def test_responses_are_cut_after_words(processor, words, score_end, kept):
    tokens, starts = processor.response_and_starts(TEXT)
    count = dpo.kept_tokens(TEXT, starts, words, score_end)
    has_end = tokens[count - 1] == processor.end_token_id
    text = processor.tokenizer.decode(tokens[: count - has_end]) + "<end>" * bool(has_end)
    # A token may reach past the word it begins in, by white space at most.
    assert text.rstrip() == kept


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("none", [1, 1, 1, 1]),
        ("cos", [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]),
        ("linear", [1, 0.75, 0.5, 0.25]),
    ],
)
def test_discounts(kind, weights):
    np.testing.assert_allclose(dpo.discounts(kind, 4), weights, rtol=1e-6)
    assert len(dpo.discounts(kind, 0)) == 0


@pytest.mark.parametrize(("words", "score_end"), [(0, True), (0, False), (3, True)])
def test_a_pair_is_cut_with_its_reference(processor, pairs_split, words, score_end):
    pair = next(p for p in pairs_split if not p["rejected_ended"])
    config = settings(truncate_words=words, score_end=score_end, discount="linear")
    example = dpo.pair_example(pair, processor, config.dpo)
    for branch, name in ((1, "chosen"), (2, "rejected")):
        of = example["target_branches"] == branch
        whole = processor.response(pair[name])
        ends = score_end and not words and name == "chosen"  # the rejected one never ended
        if not words:
            assert of.sum() == len(whole) - (not ends)
        assert 0 < of.sum() <= len(whole)
        np.testing.assert_array_equal(example["targets"][of], whole[: of.sum()])
        stored = np.float32(pair[f"{name}_logps"][: of.sum()])
        np.testing.assert_array_equal(example["reference_logps"][of], stored)
        np.testing.assert_allclose(example["target_weights"][of], dpo.discounts("linear", of.sum()))
    assert (example["branches"] == 1).sum() == (example["target_branches"] == 1).sum()


@pytest.mark.parametrize("loss", ["sigmoid", "simpo"])
def test_at_a_fork_the_responses_part(processor, pairs_split, loss):
    """What they have in common is part of the trunk; trunk and branch make the response."""
    config = settings(truncate="fork", fork_tokens=3, loss=loss, truncate_words=1)
    seen = set()
    for number, pair in enumerate(pairs_split):
        if number % 2:
            pair["chosen"] = pair["rejected"][:25] + " red."
            logps = -np.arange(len(processor.response(pair["chosen"])), dtype=np.float32)
            pair["chosen_logps"] = logps
        whole = [processor.response(pair[name]) for name in ("chosen", "rejected")]
        prompt = processor.prompt(pair, pair["format"])
        start = len(prompt["tokens"])
        example = dpo.pair_example(pair, processor, config.dpo)
        trunk = example["tokens"][example["branches"] == 0]
        common = len(trunk) - (start - 1)
        seen.add((common > 0, bool(pair["rejected_ended"])))
        firsts = []
        for number, (name, tokens) in enumerate(zip(("chosen", "rejected"), whole, strict=True), 1):
            of, on = example["target_branches"] == number, example["branches"] == number
            targets = example["targets"][of]
            ended = name == "chosen" or pair["rejected_ended"]
            assert len(targets) == min(3, len(tokens) - (not ended) - common)
            np.testing.assert_array_equal(targets, tokens[common : common + 3][: len(targets)])
            sequence = np.concatenate([trunk, example["tokens"][on]])
            expected = np.concatenate([prompt["tokens"], tokens])[: len(sequence)]
            np.testing.assert_array_equal(sequence, expected)
            alone = add_branches(prompt, [tokens])
            places = np.concatenate([np.flatnonzero(example["branches"] == 0), np.flatnonzero(on)])
            for feature in ("positions", "image_slots"):
                np.testing.assert_array_equal(
                    example[feature][places], alone[feature][: len(places)]
                )
            stored = np.float32(pair[f"{name}_logps"][common:][: len(targets)])
            stored *= loss != "simpo"  # which has no reference
            np.testing.assert_array_equal(example["reference_logps"][of], stored)
            firsts.append(targets[0] if len(targets) else None)
        assert firsts[0] != firsts[1]
        np.testing.assert_array_equal(whole[0][:common], whole[1][:common])
    assert {common for common, _ in seen} == {ended for _, ended in seen} == {True, False}


def test_simpo_takes_pairs_without_a_reference(processor, pairs_split):
    pair = pairs_split[0]
    with_reference = dpo.pair_example(pair, processor, settings(loss="simpo").dpo)
    pair |= {"chosen_logps": [], "rejected_logps": []}
    without = dpo.pair_example(pair, processor, settings(loss="simpo").dpo)
    assert with_reference.keys() == without.keys()
    for name, value in without.items():
        np.testing.assert_array_equal(value, with_reference[name])


@pytest.fixture(scope="module")
def pairs_split(pairs):
    return open_split(pairs[0], "train")


def test_a_pair_of_another_tokeniser_is_refused(processor, pairs_split):
    pair = pairs_split[0]
    pair["chosen_logps"] = pair["chosen_logps"][:-1]
    with pytest.raises(UserError, match="this model's tokeniser"):
        dpo.pair_example(pair, processor, settings().dpo)


def test_questions_are_no_pairs(dataset):
    with pytest.raises(UserError, match="holds no preference pairs"):
        dpo.source(open_split(dataset, "train"), None, settings(), mesh=None, workdir=None)


def test_the_recomputed_reference_is_kept_for_resuming(
    processor, pairs_split, model_dir, tmp_path, monkeypatch
):
    config, calls = settings(), []
    config.model = str(model_dir)

    def made(split, *_):
        calls.append(len(split))
        return [[np.full(i + 1, -i, np.float32), np.full(2, i, np.float32)] for i in range(51)]

    monkeypatch.setattr(dpo, "reference_logprobs", made)
    for _ in range(2):
        reference = dpo.recomputed_reference(pairs_split, processor, config, None, tmp_path)
        for index in (0, 1, 7):
            found = reference(index)
            assert found["chosen_logps"].tolist() == [-index] * (index + 1)
            assert found["rejected_logps"].tolist() == [index] * 2
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss": "kto"}, "config.dpo.loss is 'kto'"),
        ({"discount": "exp"}, "config.dpo.discount is 'exp'"),
        ({"beta": 0.0}, "must be positive"),
        ({"truncate": "end"}, "config.dpo.truncate is 'end'"),
        ({"fork_tokens": 0}, "fork_tokens 0 at least 1"),
        ({"simpo_margin": -1.0}, "simpo_margin is -1.0"),
        ({"label_smoothing": 0.1, "loss": "hinge"}, "label_smoothing"),
    ],
)
def test_bad_settings(changed, message):
    with pytest.raises(UserError, match=message):
        dpo.check(settings(**changed))
