import random

import pytest

from c2l_jax import answers
from c2l_jax.answers import Verdict, extract, matches, parse, same, verdict, was_read
from c2l_jax.judging import function_at, import_path, verdicts
from records.errors import UserError

CELLS = ["(1, 1)", "(4, 4)", "(3, 5)", "(5, 3)"]
MOVES = ["left, up", "up, up, left", "up, left", "up, up, left, left"]
SIDES = ["up", "up and down", "up and right", "down, left and right"]
PLACES = ["a corner", "a dead end", "a dead end with a lamp", "none"]
COUNTS = ["3 moves", "4 moves", "11 moves", "1 move"]
MARKS = ["X", "empty", "O"]
LABEL_ORDERS = ["A, B, C", "B, A, C", "C, B, A", "C, A, B"]
GROUPS = ["[[1, 2], [3]]", "[[1], [2, 3]]", "[[1, 2, 3]]", "[[1], [2], [3]]"]
TURNS = ["U' R", "U R", "R U'", "L F D"]


def record(options, answer):
    return {"options": options, "answer": answer}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        # our own chains and direct answers
        ("The player is at (3, 5).\n(3, 5) is option C.\n### Answer: C", "C"),
        ("The player is at (3, 5). (3, 5) is option C. ### Answer: C", "C"),
        ("### Answer: C", "C"),
        ("C", "C"),
        ("(3, 5)", "(3, 5)"),
        ("-1", "-1"),
        (
            "up, up, left, left, down, down, right, up, up, up",
            "up, up, left, left, down, down, right, up, up, up",
        ),
        ("### Answer:\nC", "C"),
        ("### Answer\n\n7 turns.", "7 turns"),
        # other models' wordings
        ("Counting gives 7. The answer is 7.", "7"),
        ("So the final answer to this puzzle is option B", "option B"),
        ("The correct option is: **D**", "D"),
        ("**Final Answer:** (3, 5)", "(3, 5)"),
        ("**Answer**: C", "C"),
        ('Answer: "red"', "red"),
        ("We get $\\boxed{C}$.", "C"),
        ("We get \\boxed{\\text{up} \\rightarrow \\text{left}} as asked", "up → left"),
        ("Final answer: \\boxed{\\{1, 2\\}}", "{1, 2}"),
        ("<think>B?</think><answer>C</answer>", "C"),
        ("The player stands left of the wall.\n\n**C. (3, 5)**", "C. (3, 5)"),
        ("The player stands left of the wall.\n\n(C)", "(C)"),
        # babble behind, several statements, denials
        ("### Answer: C\nI hope this helps. Bye!", "C"),
        ("### Answer: C\nI am sure that my answer is correct.", "C"),
        ("The answer is 7. There is nothing else to do, and B is a letter.", "7"),
        ("The answer is C because B is a wall.", "C"),
        ("The answer is C. (4, 4)", "C. (4, 4)"),
        ("### Answer: B\nWait.\n### Answer: D", "D"),
        ("### Answer: B\n### Answer:", "B"),
        ("The answer is not C. The answer is D.", "D"),
        # nothing concluded
        ("", None),
        (" \n ", None),
        ("### Answer:", None),
        ("The answer is not C.", None),
        ("Row 0: O X O\nRow 1: . . X\nso option C is", None),
        ("The player is at (3, 5), the goal is at (7, 1), so going up from there the next", None),
        ("We get \\boxed{(3,", None),
        ("The board reads:\nX X O\n. O .", None),
    ],
)
def test_extract(response, expected):
    assert extract(response) == expected


@pytest.mark.parametrize("options", [CELLS, MOVES], ids=["cells", "moves"])
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "({})",
        "{}.",
        "{})",
        "[{}]",
        "option {}",
        "Option ({})",
        "**{}**",
        "{}: it is so",
        "most likely {}",
        "choice {}",
        "Option {} is right",
        "{} is the one",
        "\\text{{{}}}",
    ],
)
def test_every_form_of_a_letter_means_that_option_and_no_other(options, form):
    for letter in "ABCD":
        for right in "ABCD":
            assert matches(form.format(letter), record(options, right)) == (letter == right)


@pytest.mark.parametrize("form", ["{}", "({})", "{}.", "option {}", "{}. {text}"])
def test_small_letters_count_when_marked_as_letters(form):
    for letter, text in zip("abcd", CELLS, strict=True):
        answer = form.format(letter, text=text)
        assert matches(answer, record(CELLS, letter.upper()))


ALL_OPTIONS = [CELLS, MOVES, SIDES, PLACES, COUNTS, MARKS, LABEL_ORDERS, GROUPS, TURNS]


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=lambda options: options[0])
@pytest.mark.parametrize(
    "form",
    [
        "{letter}. {text}",
        "({letter}) {text}",
        "option {letter}: {text}",
        "{text}",
        "{text}.",
        '"{text}"',
        "{letter}: {text}",
    ],
)
def test_an_option_written_out_is_that_option_and_no_other(options, form):
    for letter, text in zip("ABCD", options, strict=False):
        for right in "ABCD"[: len(options)]:
            answer = form.format(letter=letter, text=text)
            assert matches(answer, record(options, right)) == (letter == right), (answer, right)


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=lambda options: options[0])
@pytest.mark.parametrize(
    "form",
    [
        "{letter}. {text}",
        "({letter}) {text}",
        "option {letter}: {text}",
        "{text} is option {letter}",
        "{letter}: {text}",
    ],
)
def test_a_letter_with_another_options_text_is_wrong(options, form):
    letters = "ABCD"[: len(options)]
    for letter in letters:
        for other, text in zip(letters, options, strict=True):
            if letter != other:
                answer = form.format(letter=letter, text=text)
                assert not matches(answer, record(options, letter)), answer
                assert not matches(answer, record(options, other)), answer


def test_naming_several_letters_chooses_none():
    for answer in ["A or B", "A, B", "A B C D", "(A) or (B)", "A/B", "A and B", "A. B. C. D.",
                   "either A or B", "a or b", "option A or option B", "A, or (b)"]:  # fmt: skip
        for right in "ABCD":
            assert not matches(answer, record(CELLS, right)), answer


@pytest.mark.parametrize(
    ("answer", "options", "right"),
    [
        ("3,5", CELLS, "C"),
        ("[3, 5]", CELLS, "C"),
        ("row 3, column 5", CELLS, "C"),
        ("Row 3 and column 5.", CELLS, "C"),
        ("column 5, row 3", CELLS, "C"),
        ("cell (3, 5)", CELLS, "C"),
        ("the player is at (3, 5)", CELLS, "C"),
        ("C, not D", CELLS, "C"),
        ("C rather than B", CELLS, "C"),
        ("my choice of C", CELLS, "C"),
        ("C", ["?", "!", ".", "#"], "C"),
        ("C. The player stands at (3, 5), far from (4, 4)", CELLS, "C"),
        ("a corner", PLACES, "A"),
        ("a dead end", PLACES, "B"),
        ("A dead end", PLACES, "B"),
        ("the dead end.", PLACES, "B"),
        ("a dead end with a lamp", PLACES, "C"),
        ("None", PLACES, "D"),
        ("up → left", MOVES, "C"),
        ("[up, up, left]", MOVES, "B"),
        ("up up left", MOVES, "B"),
        ("U U L", MOVES, "B"),
        ("up, then up, and then left", MOVES, "B"),
        ("down and up", SIDES, "B"),
        ("{up, down}", SIDES, "B"),
        ("up, down", SIDES, "B"),
        ("right, left, down", SIDES, "D"),
        ("3", COUNTS, "A"),
        ("eleven moves", COUNTS, "C"),
        ("x", MARKS, "A"),
        ("X", MARKS, "A"),
        ("B. It is empty, with O above", MARKS, "B"),
        ("[[1,2],[3]]", GROUPS, "A"),
    ],
)
def test_one_option_is_meant(answer, options, right):
    for letter in "ABCD"[: len(options)]:
        assert matches(answer, record(options, letter)) == (letter == right)


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        ("", CELLS),
        (None, CELLS),
        ("E", CELLS),
        ("not C", CELLS),
        ("option C is wrong", CELLS),
        ("it isn't C", CELLS),
        ("(3, 5) or (4, 4)", CELLS),
        ("(3, 5), (4, 4)", CELLS),
        ("(4, 4) or it is (3, 5)", CELLS),
        ("(13, 5)", CELLS),
        ("(-3, 5)", CELLS),
        ("Cat", CELLS),
        ("the cell above", CELLS),
        ("a cell", CELLS),
        ("A good question", CELLS),
        ("I think so", CELLS),
        ("C-shaped", CELLS),
        ("C. The player stands at (4, 4)", CELLS),
        ("C. row 4, column 4", CELLS),
        ("(4, 4), so C", CELLS),
        ("left, left", MOVES),
        ("up, up, up, left", MOVES),
        ("left", SIDES),
        ("up or down", SIDES),
        ("end", PLACES),
        ("moves", COUNTS),
        ("[[2, 1], [3], []]", GROUPS),
    ],
)
def test_no_option_is_meant(answer, options):
    for right in "ABCD":
        assert not matches(answer, record(options, right))


@pytest.mark.parametrize(
    ("reference", "right", "wrong"),
    [
        ("7", ["7", "7.0", "seven", "Seven.", "7 turns", "seven right turns", "(7)", "+7", "**7**",
               "there are 7 turns", "the number of turns is 7", "turns = 7"],
         ["8", "-7", "77", "7.5", "7 or 8", "7 or eight", "7, 8", "8 or it is 7",
          "7 to 9", "not 7", "seventeen",
          "turn 7", "70%", "7 hundred", "", None]),
        ("-1", ["-1", "−1", "-1.0"], ["1", "- -1", "+1", "-11"]),
        ("1000", ["1,000", "1000", "1,000.0"], ["1", "1, 000", "100"]),
        ("0.8", ["0.8", ".8", "0.80"], ["8", "0.85", "80%"]),
        ("(3, 5)", ["(3,5)", "3, 5", "row 3, column 5", "row: 3, col: 5", "at (3, 5)", "3 5"],
         ["(5, 3)", "(3, 5, 1)", "35", "3.5", "3", "row 5, column 3"]),
        ("(0, -2)", ["0, -2"], ["0, 2"]),
        ("(1, 2), (3, 4)", ["[(1, 2), (3, 4)]", "(1,2) → (3,4)", "(1, 2) and (3, 4)"],
         ["(3, 4), (1, 2)", "1, 2, 3, 4", "(1, 2)"]),
        ("up, up, left", ["up,up,left", "Up → Up → Left", "up -> up -> left", "[up, up, left]",
                          "U U L", "U, U, L", "up, up and left", "up up left"],
         ["up, left, up", "up, left", "left, up, up", "up, up, left, left", "U L", "up and left",
          "W W A"]),
        ("up", ["Up", "[up]", "up."], ["up, up", "down", "go"]),
        ("{a, b}", ["{b, a}", "a, b", "b and a", "a and b"], ["{a}", "{a, b, c}", "{a, a}", "a"]),
        ("red, green and red", ["green, red, red"], ["red, green", "green, green, red"]),
        ("the Red King", ["red king", "Red King.", "a red king"], ["king", "red", "red king side"]),
        ("none", ["None", "none."], ["no one", "0"]),
        ("left-forward", ["left forward", "Left-Forward"], ["left", "forward left"]),
        ("U'", ["U'", "u'"], ["U"]),
        ("column b", ["column b", "Column B"], ["column a", "column"]),
    ],
)  # fmt: skip
def test_fill_in(reference, right, wrong):
    assert [a for a in right if not matches(a, record([], reference))] == []
    assert [a for a in wrong if matches(a, record([], reference))] == []


GRID = "[[1, 0, 1], [1, 1, 1], [0, 0, 0]]"
OTHER_GRIDS = [
    "[[1, 0, 1], [1, 1, 1], [0, 0, 1]]",
    "[[0, 0, 0], [1, 1, 1], [1, 0, 1]]",  # upside down
    "[[1, 1, 0], [0, 1, 0], [1, 1, 0]]",  # rows and columns exchanged
    "[[1, 0, 1], [1, 1, 1]]",
    "[[1, 0, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]]",
    "[1, 0, 1, 1, 1, 1, 0, 0, 0]",
]


@pytest.mark.parametrize(
    "spaced",
    [
        lambda grid: grid,
        lambda grid: grid.replace(" ", ""),
        lambda grid: grid.replace("[", "[ ").replace("]", " ]"),
        lambda grid: grid.replace("], ", "],\n "),
        lambda grid: grid.replace("[[", "[\n  [").replace("], ", "],\n  ").replace("]]", "]\n]"),
        lambda grid: grid.replace("[", "(").replace("]", ")"),
    ],
)
@pytest.mark.parametrize(
    "form",
    ["{}", "Then it is so.\n### Answer: {}", "### Answer:\n{}\nDone.", "\\boxed{{{}}}",
     "The answer is {}.", "Answer:\n```\n{}\n```"],
)  # fmt: skip
def test_a_grid_is_read_however_it_is_spaced(form, spaced):
    assert verdict(form.format(spaced(GRID)), record([], GRID)).correct
    for other in OTHER_GRIDS:
        assert not verdict(form.format(spaced(other)), record([], GRID)).correct


def test_a_list_that_was_cut_off_is_no_grid():
    assert extract("### Answer: [[1, 0, 1], [1, 1") == "[[1, 0, 1], [1, 1"
    assert extract("[[1, 0, 1],\n [1, 1") is None
    assert not verdict("### Answer: [[1, 0, 1],\n[1, 1, 1],\n[0, 0", record([], GRID)).correct


def test_values_equal_themselves_whatever_they_are_written_like():
    """Random nested values: equal to their own other spellings, unequal after any one change."""
    chance = random.Random(0)
    for _ in range(300):
        moves = [
            chance.choice(["up", "down", "left", "right"]) for _ in range(chance.randint(2, 9))
        ]
        forms = [
            ", ".join(moves),
            " → ".join(moves),
            f"[{','.join(moves)}]",
            " ".join(moves).upper(),
        ]
        reference = parse(forms[0])
        assert all(same(reference, parse(form)) for form in forms), forms
        at = chance.randrange(len(moves))
        changed = [*moves[:at], {"up": "down"}.get(moves[at], "up"), *moves[at + 1 :]]
        assert not same(reference, parse(", ".join(changed)))
        assert not same(reference, parse(", ".join(moves[:-1])))
        as_set = "{" + ", ".join(chance.sample(moves, len(moves))) + "}"
        assert same(parse("{" + ", ".join(moves) + "}"), parse(as_set))


def test_the_right_letter_in_the_reasoning_alone_does_not_count():
    chain = "(3, 5) is option C, so C looks good.\nBut look again.\n### Answer: B"
    assert verdict(chain, record(CELLS, "C")) == Verdict("B", False)
    cut_off = "(3, 5) is option C.\nIs C right? Then"
    assert verdict(cut_off, record(CELLS, "C")) == Verdict(None, False)


def test_judge_gives_the_extracted_answer_and_the_verdict():
    assert verdict("Reading…\n### Answer: (C) 3,5", record(CELLS, "C")) == Verdict("(C) 3,5", True)
    assert verdict("", record([], "7")) == Verdict(None, False)


def test_a_record_whose_answer_is_no_letter_of_its_options_is_refused():
    with pytest.raises(UserError, match="none of its 4 options' letters"):
        matches("C", record(CELLS, "(3, 5)"))


def test_no_response_whatsoever_raises_and_endless_ones_end():
    chance = random.Random(1)
    pieces = "( ) [ ] { } A B a is , . and or not option 7 -1 up → ** $ row".split()
    pieces += ["### Answer:", "\\boxed{", "\\text{", "\n"]
    junk = [chance.choice(["", " "]).join(chance.choices(pieces, k=20)) for _ in range(1000)]
    endless = ["### Answer: " + piece * 4000 for piece in pieces] + [
        "### Answer: " + "(" * 900 + ")" * 900
    ]
    for response in junk + endless:
        verdict(response, record(CELLS, "C"))
        verdict(response, record([], "up, up, left"))


def test_a_hundred_thousand_characters_of_anything_end_soon():
    """Work that grew with the square of the length would take hours here."""
    pieces = ["answer ", "answer to ", "The answer is so. ", "B is correct ", "(A) ", "\n#",
              "up\n", "\\boxed{A} or ", "\\text{", '{"answer": ', "**a", " one", "①"]  # fmt: skip
    for number, piece in enumerate(pieces):
        response = ("### Answer: " * (number % 2)) + piece * (100_000 // len(piece))
        verdict(response, record(CELLS, "C"))
        verdict(response, record([], "up, up, left"))
    last = "so the next " * 9_000 + "\n### Answer: C"
    assert verdict(last, record(CELLS, "C")) == Verdict("C", True)


def test_no_character_raises():
    chance = random.Random(2)
    pieces = [*"A1(,.*&\\{<|", "### Answer: ", "\ud800", "\ue000", "\x00", "٣", "²", "½", "Ⅷ",
              "İ", "&#0;", "&lt;", "\u2028", "👍", "1/0", "9" * 99, "[" * 99, '{"a":']  # fmt: skip
    for _ in range(200):
        response = "".join(chance.choices(pieces, k=12))
        for each in (record(CELLS, "C"), record(["\ue000", "*"], "A"), record([], "7")):
            verdict(response, each)
            matches(response, each)


def test_what_cannot_be_read_with_certainty_is_neither_right_nor_wrong():
    right, wrong = verdict("### Answer: C", record(CELLS, "C")), verdict("B", record(CELLS, "C"))
    unread, silent = (
        verdict("### Answer: up there", record(CELLS, "C")),
        verdict("", record([], "7")),
    )
    assert right.read and right.correct and wrong.read and not wrong.correct
    assert not unread.read and unread == Verdict("up there", False, unclear=True)
    assert not silent.read and silent == Verdict(None, False)
    assert unread.fields() == {"extracted": "up there", "correct": False, "read": False}


def test_lines_of_before_there_were_unread_answers_still_load():
    assert was_read({"extracted": "up there", "correct": False})
    assert not was_read({"extracted": None, "correct": False})
    assert not was_read({"extracted": "up there", "correct": False, "read": False})


def test_a_taken_back_answer_counts_for_nothing():
    for more in ["\nWait, that is wrong. Look", " Hmm. Let me recount the", "\nOops, I was wrong."]:
        for letter in "ABCD":
            assert not verdict(f"The answer is C.{more}", record(CELLS, letter)).read
    assert verdict("The answer is C.\nWait. The answer is C.", record(CELLS, "C")).correct


def test_a_judge_is_found_by_its_path_and_gives_a_verdict_for_each():
    assert function_at("c2l_jax.answers:judge", "--judge") is answers.judge
    assert import_path(answers.judge) == "c2l_jax.answers:judge"
    records, texts = [record(CELLS, "C"), record([], "7")], ["### Answer: C", "7"]
    alone = [verdict(text, each) for text, each in zip(texts, records, strict=True)]
    assert verdicts(answers.judge, records, texts) == alone
    for path in ("c2l_jax.answers", "c2l_jax.answers:none", "nowhere:judge", ":judge", ""):
        with pytest.raises(UserError, match="there is no such function"):
            function_at(path, "--judge")
    with pytest.raises(UserError, match="gave 0 verdicts on 2 responses"):
        verdicts(lambda records, responses: [], records, texts)
