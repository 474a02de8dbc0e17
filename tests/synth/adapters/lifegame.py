"""Published boards of the game of life: 1 is alive."""


def adapt(case, value):
    rows = ["".join("-#"[cell] for cell in row) for row in case["state"]["grid"]]
    return case["task"], {"rows": rows}, case["params"], value
