"""Published star battles: regions as lists of cells; their numbers are our letters."""


def adapt(case, value):
    given, task = case["state"], case["task"]
    names = {
        tuple(cell): "ABCDEFGH"[number]
        for number, cells in enumerate(given["regions"])
        for cell in cells
    }
    at = range(len(given["regions"]))
    state = {
        "rows": ["".join(names[row, col] for col in at) for row in at],
        "stars": sorted(given["stars"]),
    }
    params = {}
    if "region" in case["params"]:
        params["region"] = "ABCDEFGH"[case["params"]["region"]]
    if task in ("cell_of_region", "placeable_cell"):
        params["cells"] = sorted(option for option in case["options"] if option)
    return task, state, params, value or "none"
