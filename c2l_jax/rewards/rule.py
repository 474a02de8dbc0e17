"""1 for a response whose final answer is right by the rules of `c2l_jax.answers`, else 0."""

from c2l_jax import answers


def make(grpo, workdir):
    del grpo, workdir
    return reward


def reward(records, responses) -> list[float]:
    return [float(verdict.correct) for verdict in answers.judge(records, responses)]
