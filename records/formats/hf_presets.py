"""Which columns of known benchmarks hold what; the names are those on the hub."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """See `records.formats.hf`.

    Args:
      first: the number of the first option, where an answer is a number.
      text_first: an answer that is an option's text is that, even if it could be a number.
    """

    question: str = "question"
    answer: str = "answer"
    choices: str = "choices|options"
    pictures: str = "images|image"
    chain: str = "chain"
    id: str = "id"
    first: int = 1
    text_first: bool = False


PRESETS = {
    "plain": Columns(),
    # lmms-lab/ai2d
    "ai2d": Columns(first=0),
    # HuggingFaceM4/A-OKVQA
    "aokvqa": Columns(answer="correct_choice_idx", chain="rationales", id="question_id", first=0),
    # princeton-nlp/CharXiv: the reasoning questions
    "charxiv": Columns(question="reasoning_q", answer="reasoning_a", id="original_id"),
    # HuggingFaceM4/ChartQA (query, label), lmms-lab/ChartQA (question, answer)
    "chartqa": Columns(question="query|question", answer="label|answer"),
    # lmms-lab/DocVQA, its configurations DocVQA and InfographicVQA
    "docvqa": Columns(answer="answers", id="questionId"),
    "infovqa": Columns(answer="answers", id="questionId"),
    # AI4Math/MathVerse: options are in the question, which is empty where it is in the picture
    "mathverse": Columns(question="question|query_wo", id="sample_index"),
    # MathLLMs/MathVision
    "mathvision": Columns(pictures="decoded_image", chain="solution"),
    # AI4Math/MathVista
    "mathvista": Columns(pictures="decoded_image", id="pid", text_first=True),
    # lmms-lab/MMBench
    "mmbench": Columns(question="hint,question", choices="A,B,C,D", id="index"),
    # MMMU/MMMU
    "mmmu": Columns(
        choices="options",
        pictures=",".join(f"image_{number}" for number in range(1, 8)),
        chain="explanation",
    ),
    # derek-thomas/ScienceQA
    "scienceqa": Columns(question="hint,question", chain="solution", first=0),
    # lmms-lab/textvqa
    "textvqa": Columns(answer="answers", id="question_id"),
}
