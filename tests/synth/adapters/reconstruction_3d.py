"""Published cases: the same coordinates; their silhouettes are rows from z = 1 upwards."""

VIEWS = {"yz": "Y-Z", "xz": "X-Z"}
VERDICTS = {"neither": "neither", "yz_only": "only Y-Z", "xz_only": "only X-Z", "both": "both"}


def dark_cells(rows_from_below) -> list[list[int]]:
    return [[at + 1, z + 1] for at in range(3) for z, row in enumerate(rows_from_below) if row[at]]


def cells(value):
    return tuple(map(tuple, value))


def adapt(case, value):
    given, task = case["state"], case["task"]
    state = {
        "voxels": sorted(given["voxel_positions"]),
        "targets": [dark_cells(given[f"target_{view}_projection"]) for view in VIEWS],
    }
    if task == "occupied_position":
        return task, state, {"cells": case["options"]}, tuple(value)
    if task == "silhouette_match":
        return task, state, {}, VERDICTS[value]
    if task == "silhouette_after_add":
        params = {"view": VIEWS[case["params"]["view"]], "add": case["params"]["add"]}
        return task, state, params, cells(dark_cells(value[::-1]))
    if task == "addition_choice":
        # Ours has no limit on the number of voxels, and always asks about both views.
        return task, state, {"lists": case["options"]}, cells(value)
    return task, state, {}, value
