"""Reconstruction on a 3 x 3 x 3 array; the fewest additions by trying all layers together."""

import itertools
import re

import numpy as np


def cube_of(voxels) -> np.ndarray:
    """True at [x, y, z], from 0."""
    cube = np.zeros((3, 3, 3), bool)
    for x, y, z in voxels:
        cube[x - 1, y - 1, z - 1] = True
    return cube


def wanted(state) -> tuple[np.ndarray, np.ndarray]:
    """The targets, True at [y, z] and at [x, z]."""
    panels = np.zeros((2, 3, 3), bool)
    for panel, dark in zip(panels, state["targets"], strict=True):
        for at, z in dark:
            panel[at - 1, z - 1] = True
    return panels[0], panels[1]


def matches(cube, state) -> tuple[bool, bool]:
    yz, xz = wanted(state)
    return bool((cube.any(0) == yz).all()), bool((cube.any(1) == xz).all())


def hangs_together(cube) -> bool:
    """Spreads from one voxel by shifting the whole array."""
    reached = np.zeros((5, 5, 5), bool)
    inner = reached[1:4, 1:4, 1:4]
    inner[tuple(np.argwhere(cube)[0])] = True
    while True:
        before = inner.sum()
        for axis, step in itertools.product(range(3), (1, -1)):
            inner |= np.roll(reached, step, axis)[1:4, 1:4, 1:4] & cube
        if inner.sum() == before:
            return bool(before == cube.sum())


def cells_in(text: str) -> list[tuple[int, ...]]:
    found = re.findall(r"\((\d), (\d), (\d)\)", text)
    return [tuple(map(int, cell)) for cell in found]


def is_addition(state):
    """Judges a list of cells: all new, in one piece with the structure, both targets met."""

    def judge(text):
        added, cube = cells_in(text), cube_of(state["voxels"])
        for x, y, z in added:
            if not all(1 <= at <= 3 for at in (x, y, z)) or cube[x - 1, y - 1, z - 1]:
                return False
            cube[x - 1, y - 1, z - 1] = True
        return all(matches(cube, state)) and hangs_together(cube)

    return judge


def silhouette_after_add(state, params):
    cube = cube_of([*state["voxels"], *params["add"]])
    rows = cube.any({"Y-Z": 0, "X-Z": 1}[params["view"]]).T[::-1]
    return f"[{', '.join(str(row) for row in rows.astype(int).tolist())}]"


def layer_additions(cube, state, z: int) -> dict[int, list[np.ndarray]]:
    """All sets of cells of a layer that make it look as wanted, by size."""
    y_wanted, x_wanted = (panel[:, z] for panel in wanted(state))
    now = cube[:, :, z]
    free = np.argwhere(~now & x_wanted[:, None] & y_wanted)
    found = {}
    for size in range(len(free) + 1):
        for chosen in itertools.combinations(free.tolist(), size):
            layer = now.copy()
            for x, y in chosen:
                layer[x, y] = True
            if (layer.any(0) == y_wanted).all() and (layer.any(1) == x_wanted).all():
                found.setdefault(size, []).append(layer)
    return found


def min_additions(state, params):
    cube = cube_of(state["voxels"])
    layers = [layer_additions(cube, state, z) for z in range(3)]
    sizes = sorted(itertools.product(*layers), key=sum)
    for some in sizes:
        for stack in itertools.product(*(found[n] for found, n in zip(layers, some, strict=True))):
            if hangs_together(np.stack(stack, 2)):
                return str(sum(some))
    return None


ORACLES = {
    "voxel_count": lambda state, params: str(cube_of(state["voxels"]).sum()),
    "occupied_position": lambda state, params: (
        lambda text: bool(cube_of(state["voxels"])[tuple(at - 1 for at in cells_in(text)[0])])
    ),
    "silhouette_match": lambda state, params: {
        (False, False): "neither",
        (True, False): "only Y-Z",
        (False, True): "only X-Z",
        (True, True): "both",
    }[matches(cube_of(state["voxels"]), state)],
    "silhouette_after_add": silhouette_after_add,
    "addition_choice": lambda state, params: is_addition(state),
    "min_additions": min_additions,
}
