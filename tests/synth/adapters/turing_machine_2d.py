"""Published machines: states are numbers, ours are letters; x is the column and y the row."""

WAYS = ("up", "right", "down", "left")


def adapt(case, value):
    given, params, task = case["state"], dict(case["params"]), case["task"]
    table = {
        (rule["state"], rule["symbol"]): [
            rule["new_symbol"],
            WAYS[rule["direction"]],
            "ABCD"[rule["new_state"]],
        ]
        for rule in given["rules"]
    }
    states, symbols = (sorted({key[at] for key in table}) for at in (0, 1))
    state = {
        "rows": ["".join(map(str, row)) for row in given["grid"]],
        "head": [given["head"]["y"], given["head"]["x"]],
        "state": "ABCD"[given["head"]["state"]],
        "rules": [[table[number, symbol] for symbol in symbols] for number in states],
    }
    if "target_state" in params:
        params["target_state"] = "ABCD"[params["target_state"]]
    if task == "head_state_symbol":
        value = ["ABCD"[value[0]], value[1]]
    return task, state, params, value
