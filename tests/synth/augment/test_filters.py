"""What is rejected and what passes: one text for each reason, and the corpus of planted errors."""

import pytest

from benchmarks import corruptions, rewrites
from synth.augment.filters import Chain, chain_of, letter_step, lines_of, rejected
from synth.facts import facts_in, wrong_sum
from synth.records import make_question

CHAIN = Chain(
    (
        "The board, # is lit: row 0: # - #; row 1: - # -.",
        "The ant is at (1, 2) and faces left.",
        "Up 2 to (3, 2): the cell is not red.",
        "Lit in each row: 2 + 1 = 3.",
    ),
    "How many lamps are lit in rows 0 and 1?",
    "3",
    "The red arrow is the ant. A step goes up, down, left or right.",
)
GOOD = """The picture's rows, where # is lit, are row 0: # - #; row 1: - # -.
I see the ant, a red arrow, in (1, 2); it looks to the left. Going 2 upwards brings it to (3, 2),
and that cell isn't red.
Now I add the lit lamps of both rows: 2 + 1 = 3.
So the answer is 3."""
SPANISH = "El tablero tiene row 0: # - #; row 1: - # - con luces. La hormiga mira hacia algún lado."

LONG = " ".join(f"And so {word} goes on as it is." for word in map(chr, range(0x61, 0x7B)))


def without(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_a_true_rewrite_passes():
    assert rejected(GOOD, CHAIN) is None
    assert rejected(f"{GOOD}\n### Answer: 3", CHAIN) is None
    assert lines_of(f"{GOOD}\n### Answer: 3\n", CHAIN) == GOOD.split("\n")


@pytest.mark.parametrize(
    ("text", "by"),
    [
        (without("in (1, 2)", "in (1,\x1b 2)"), "control"),
        (without("in (1, 2)", "in (1, 2) \ufffd"), "control"),
        ("I'm sorry, but I can't help with pictures.", "refusal"),
        (GOOD[:120], "cut"),
        (SPANISH * 3, "language"),
        ("棋盘上有三盏灯。" * 9, "language"),
        (without("I see the ant", "According to the given answer, the ant"), "mentions"),
        (without("I see the ant", "As an AI I see the ant"), "mentions"),
        (without("So the answer is 3.", "This is option B."), "mentions"),
        (f"{GOOD}\n{'So I count again and get three lamps. ' * 30}", "repetition"),
        (without("So the answer", "So the answer is 3. So the answer"), "repetition"),
        ("There are 3.", "length"),
        (GOOD + " It is just so, as was said before, and that is how it is then.", None),
        (without("Now I add", f"{LONG} Now I add"), "length"),
        (CHAIN.text, "copied"),
        (without("the answer is 3", "the answer is 4"), "answer"),
        (without("the answer is 3", "the answer is not 3"), "answer"),
        (f"{GOOD}\n### Answer: 4", "answer"),
        (without("2 + 1 = 3", "2 + 1 = 4"), "arithmetic"),
        (without("in (1, 2)", "in (2, 1)"), "facts"),  # swapped
        (without("to the left", "to the right"), "facts"),
        (without("Going 2 upwards", "Going 3 upwards"), "facts"),
        (without("- # -.\nI", "- - -.\nI"), "facts"),  # a mark
        (without("that cell isn't red", "that cell isn't blue"), "facts"),
        (without("; it looks to the left", ""), "facts"),  # lacks one
        (without("So the answer", "There is a lamp at (7, 7). So the answer"), "facts"),
        (without("I add the lit lamps of both rows: 2 + 1 = 3.", "I count them."), "facts"),
        (without("that cell isn't red", "that cell is red"), "negation"),
        (without("I see the ant", "I do not see the ant"), "negation"),
    ],
    ids=lambda value: str(value)[-40:],
)
def test_what_is_wrong_is_named(text, by):
    objection = rejected(text, CHAIN)
    assert (objection and objection[0]) == by, objection


def test_steps_in_another_order_are_rejected():
    one, two, *rest = GOOD.split("\n")
    assert rejected("\n".join([two, one, *rest]), CHAIN)[0] == "facts"


def test_what_the_server_cut_is_rejected_though_it_ends_in_a_sentence():
    assert rejected(GOOD, CHAIN, cut=True)[0] == "cut"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("row 0: # - # -", "Row 0 is #-#-"),
        ("at ( 3,4 )", "(3, 4)!"),
        ("five up", "5 upwards"),
        ("one lamp remains", "1 lamp is left"),
        ("alive cells", "living cells"),
        ("9C onto 10D", "puts 9C on 10D."),
        ("adds up to 7", "7"),
    ],
)
def test_facts_do_not_depend_on_the_wording(one, other):
    assert [fact.text for fact in facts_in(one)] == [fact.text for fact in facts_in(other)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("2 + 3 x 4 = 14 and 58 / 90 = 0.644", None),
        ("8 - 3 = 4", "8 - 3 = 4"),
        ("58 / 90 = 0.645", "58 / 90 = 0.645"),
        ("1 / 0 = 0", "1 / 0 = 0"),
        ("row 2 - # -", None),
    ],
)
def test_sums(text, wrong):
    assert wrong_sum(text) == wrong


def test_the_letters_step_is_no_part_of_the_chain():
    record = make_question("tictactoe", "cell_color", "Easy", 0, 0)
    chain = chain_of(record)
    assert [*chain.steps, *letter_step(record)] == record["steps"] and len(letter_step(record)) == 1
    assert chain.answer in record["options"] and "option" not in chain.text
    assert chain.rules and chain.asked.startswith("What colour is cell")
    fill_in = make_question("maze", "turn_count", "Easy", 0, 0)
    assert list(chain_of(fill_in).steps) == fill_in["steps"] and letter_step(fill_in) == []


def test_planted_errors_are_caught_and_good_texts_pass():
    found = corruptions.measure(corruptions.cases(tuple(rewrites.RULES), 25))
    assert corruptions.share_caught(found) >= 0.95, found
    assert corruptions.share_rejected(found) <= 0.05, found
    page = corruptions.page(found)
    assert all(kind in page for kind in corruptions.KINDS)
