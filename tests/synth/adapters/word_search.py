"""Published word searches: rows and columns from 1; our question names no first cell."""


def adapt(case, value):
    state, params = {"rows": ["".join(row) for row in case["state"]["grid"]]}, dict(case["params"])
    if case["task"] == "cell_letter":
        params["cell"] = [at - 1 for at in params["cell"]]
    if case["task"] == "word_direction":
        del params["start"]
        across_first = value.removeprefix("diagonal-").split("-")
        value = " ".join(reversed(across_first))
    return case["task"], state, params, value
