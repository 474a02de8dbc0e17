"""Questions and pairs from elsewhere are taught, asked and paired as those of games are."""

import zipfile

import numpy as np
import pytest

from c2l_jax import evaluate, pairing, preferences
from c2l_jax.data.packing import mixture
from c2l_jax.data.pairs import PAIRS
from c2l_jax.data.processor import Processor, user_text
from c2l_jax.metrics import read_metrics
from c2l_jax.objectives import dpo
from configs import tiny_dpo
from records.errors import UserError
from records.reading import open_split, open_splits
from tests.c2l_jax import speaking
from tests.c2l_jax.conftest import train_arguments
from tests.conftest import run_module
from tests.records.exchanged import picture, take, write_json, write_lines, write_picture

SIZE = (56, 56)  # 2 x 2 merged tokens


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Text alone, a picture, two of different sizes, and two within the question."""
    root = tmp_path_factory.mktemp("own")
    write_picture(root / "b.jpg", picture("blue", "JPEG", (112, 56)))
    rows = []
    for number in range(8):
        own = f"{number}.png"
        write_picture(root / own, picture((number, 0, 0), size=SIZE))
        both = {"images": [own, "b.jpg"], "answer": "red"}
        rows += [
            {"question": f"{number} + 2?", "answer": "red", "chain": "Count."},
            {"question": f"Which {number}?", "options": ["x", "y"], "answer": 1, "image": own},
            {"question": f"Both {number}?", "chain": "Look."} | both,
            {"question": f"Is <image> as <image> {number}?"} | both,
        ]
    write_lines(root / "own.jsonl", rows)
    return root


@pytest.fixture(scope="module")
def imported(folder):
    """What the command makes of them."""
    arguments = ["jsonl", folder / "own.jsonl", "--out", folder / "out", "--validation", 0.3]
    said = run_module("synth", "import", *arguments).stdout
    assert said.startswith("32 records in ") and said.endswith("/imported/1.0.0\n")
    assert "already complete" in run_module("synth", "import", *arguments).stdout
    return folder / "out"


@pytest.fixture(scope="module")
def processor(model_dir):
    return Processor(model_dir)


def test_pictures_are_where_the_question_has_them(imported, processor):
    """As the tokeniser makes it of the template's parts, whoever puts the parts in order."""
    tokenizer, image = processor.tokenizer, {"type": "image"}
    for record in (record for split in open_splits(imported).values() for record in split):
        text, pictures = user_text(record, "direct"), len(record["images"])
        if record["question"].startswith("Is "):
            pieces = text.split("<image>")
            texts = [{"type": "text", "text": piece} for piece in pieces]
            content = [texts[0], image, texts[1], image, texts[2]]
        else:
            content = [image] * pictures + [{"type": "text", "text": text}]
        template = tokenizer.apply_chat_template(
            [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
        )
        for repeats in (4, 8)[:pictures]:  # of each size
            template = template.replace("<|image_pad|>", "<>" * repeats, 1)
        expected = tokenizer(template.replace("<>", "<|image_pad|>")).input_ids
        prompt = processor.prompt(record, "direct")
        assert list(prompt["tokens"]) == expected
        assert processor.size(record, "direct") == (len(expected), len(prompt["patches"]))
        is_image = prompt["tokens"] == processor.image_token_id
        slots = prompt["image_slots"][is_image]
        shown = prompt["tile_images"][slots // processor.pictures.merged_per_tile]
        assert shown.tolist() == [1, 1, 1, 1, *[2] * 8][: len(slots)]
        assert len(set(slots)) == len(slots) == (0, 4, 12)[pictures]


def test_patterns_choose_by_task_and_format(imported):
    split = open_split(imported, "train")
    formats = {"cot": 1.0, "direct": 1.0}
    lines = mixture(split, formats, [("^/own/cot$", 3.0), ("direct$", 1.0)])
    assert [(format, len(found), share) for format, found, share in lines] == [
        ("cot", len(split), 3.0),
        ("direct", len(split), 1.0),
    ]


def test_formats_that_need_what_is_not_there_are_refused(imported, processor):
    record = open_split(imported, "train")[0]
    with pytest.raises(UserError, match="has no description, which the format transcribe"):
        processor.example(record, "transcribe")


def as_gameqa(root):
    """What the hub has of GameQA-140K: a list and zipped pictures for train and for test."""
    for split, end in (("train", ""), ("test", "_test")):
        rows = []
        with zipfile.ZipFile(root / f"games_images{end}.zip", "w") as archive:
            for number in range(8):
                game = ("3d_maze", "snake")[number % 2]  # options count from 1, and from 0
                image = f"games_images{end}/{game}/{number:05d}.png"
                archive.writestr(image, picture((number, len(end), 0), size=SIZE))
                row = {"data_id": f"{game}-{split}-{number}", "image": image, "question_id": 0}
                row |= {"qa_type": "State Prediction", "question": f"Where is it, {number}?"}
                row |= {"plot_level": ("Easy", "Hard")[number // 4], "qa_level": "Medium"}
                row |= {"question_description": "position", "analysis": "Look.\n\nIt is there."}
                if number % 4 > 1:
                    row |= {"answer": number}
                else:
                    counted = number // 4 + (game == "3d_maze")
                    row |= {"options": ["(0, 1)", "(1, 0)"], "answer": str(counted)}
                rows.append(row)
        write_json(root / f"games_data{end}.json", rows)
    return root


def as_llava(root):
    """Conversations: text alone, a picture, two of different sizes, two within the question."""
    write_picture(root / "b.jpg", picture("blue", "JPEG", (112, 56)))
    for split in ("train", "test"):
        rows = []
        for number in range(8):
            own = f"{split}-{number}.png"
            write_picture(root / own, picture((number, len(split), 0), size=SIZE))
            kinds = [
                {"said": f"{number} + 2?", "response": "Count.\n\n### Answer: red"},
                {"said": f"<image>\nWhich {number}?", "response": "A", "image": own},
                {"said": f"Both {number}?", "response": "A", "image": [own, "b.jpg"]},
                {"said": f"Is <image> as <image> {number}?", "image": [own, "b.jpg"]},
            ]
            for kind, row in enumerate(kinds):
                said, response = row.pop("said"), row.pop("response", "Look.\n\n### Answer: A")
                turns = [{"from": "human", "value": said}, {"from": "gpt", "value": response}]
                rows.append({"id": f"{split}-{number}-{kind}", "conversations": turns} | row)
        write_json(root / f"{split}.json", rows)
    return root


@pytest.mark.parametrize(("format", "write"), [("gameqa", as_gameqa), ("llava", as_llava)])
def test_published_layouts_are_imported_taught_asked_and_exported(
    format, write, dataset, model_dir, tmp_path
):
    published, data, run = tmp_path / "published", tmp_path / "data", tmp_path / "run"
    published.mkdir()
    records, left_out = take(format, write(published), data)
    assert not left_out and records.keys() == {"train", "test"}
    arguments = train_arguments(model_dir, data, run, steps=2, data__rows=2)
    run_module(*arguments, "--config.data.formats.look=0", "--config.data.formats.transcribe=0")
    assert [line["step"] for line in read_metrics(run)] == [1, 2]
    speaks = speaking.write(tmp_path / "speaks", run / "model", dataset, "# Answer: A")
    result = evaluate.evaluate(
        model=speaks, data=data, out=tmp_path / "eval", rows=4, max_tokens=12
    )
    answers = [record["answer"] for record in records["test"].values()]
    assert result["overall"]["count"] == len(answers)
    assert 0 < result["overall"]["correct"] == answers.count("A") < len(answers)
    if format == "gameqa":
        assert result["by_level"].keys() == {"Medium x Easy", "Medium x Hard"}
        assert result["by_domain"].keys() == {"in_domain", "out_of_domain"}
        assert result["by_category"]["out_of_domain x Strategic Planning"]["count"] == 4
    run_module("synth", "export", format, data, "--out", tmp_path / "exported")
    again, left_out = take(format, tmp_path / "exported", tmp_path / "again")
    assert again == records and not left_out


def test_pairs_from_elsewhere_ask_for_a_recomputed_reference(folder, processor, tmp_path):
    """And are then examples like others (see test_dpo_train)."""
    row = {"question": "<image>\nWhat?", "image": "image_data/a.png"}
    write_picture(folder / "image_data" / "a.png", picture(size=SIZE))
    row |= {"chosen": "7.\n\n### Answer: 7", "rejected": "8.\n\n### Answer: 8"}
    take("share4o-dpo", write_lines(folder / "pairs.jsonl", [row]), tmp_path)
    config = tiny_dpo.get_config()
    config.model, config.data.path = str(processor.directory), str(tmp_path)
    pair = open_split(tmp_path, "train")[0]
    with pytest.raises(UserError, match="recompute_reference=True"):
        dpo.check_reference(pair, config)
    for side in ("chosen", "rejected"):
        pair[f"{side}_logps"] = np.zeros(len(processor.response(pair[side])))
    example = dpo.pair_example(pair, processor, config.dpo)
    assert len(example["patches"]) == 1 and set(example["target_branches"]) == {1, 2}


def test_pairs_of_own_responses_keep_all_pictures(imported, tmp_path):
    asked = next(record for record in open_split(imported, "train") if len(record["images"]) == 2)
    both = [{"text": text, "extracted": text, "ended": True} for text in ("red", "blue")]
    pair = pairing.Pair(0, 0, *both)
    logps = {(0, each["text"]): [-1.0] for each in both}
    common = {"format": "cot", "fingerprint": "f"}
    made = list(preferences.pair_records([pair], [asked], lambda _: asked, logps, common))
    splits = {"train": lambda: made}
    PAIRS.write(tmp_path, splits, image=False, several=True, metadata={})
    assert open_split(tmp_path, "train")[0]["images"] == asked["images"]
