"""Zuma on the complex plane: turned so that the shot flies along the real axis."""

import cmath
import itertools
import math

import numpy as np

SECTORS = ("right", "up-right", "up", "up-left", "left", "down-left", "down", "down-right")


def around_frog(state):
    frog = complex(*state["frog"])
    return np.array([complex(*point) for point in state["marbles"]]) - frog


def gap(around, degrees):
    """The marble that a shot touches and the place where it is put; None if it misses."""
    turned = around * cmath.exp(-1j * math.radians(degrees))
    near = [i for i, z in enumerate(turned) if z.real > 0 and abs(z.imag) < 60]
    if not near:
        return None
    stops = {i: turned[i].real - math.sqrt(3600 - turned[i].imag ** 2) for i in near}
    hit = min(stops, key=stops.get)
    last = len(turned) - 1
    inwards = turned[hit + 1] - turned[hit] if hit < last else turned[hit] - turned[hit - 1]
    touch = stops[hit] - turned[hit]
    return hit, hit + int((touch * inwards.conjugate()).real > 0)


def groups(colours):
    """(colour, set of places) of every run."""
    found, place = [], 0
    for colour, some in itertools.groupby(colours):
        length = len(list(some))
        found.append((colour, set(range(place, place + length))))
        place += length
    return found


def groups_in_sector(state, params):
    sector = SECTORS.index(params["direction"])
    there = {
        place
        for place, z in enumerate(around_frog(state))
        if math.floor((math.degrees(cmath.phase(z)) + 22.5) % 360 / 45) == sector
    }
    return str(sum(len(some) > 1 and bool(some & there) for _, some in groups(state["colours"])))


def hit_colour(state, params):
    shot = gap(around_frog(state), state["angle"])
    return "none" if shot is None else state["colours"][shot[0]]


def shot_outcome(state, params):
    """The shot is put among the marbles, and its own run there is looked at."""
    shot = gap(around_frog(state), state["angle"])
    if shot is None:
        return "leaves"
    colours = [*state["colours"][: shot[1]], state["shot"], *state["colours"][shot[1] :]]
    (run,) = [some for _, some in groups(colours) if shot[1] in some]
    return f"removes {len(run) - 1}" if len(run) > 2 else "stays"


def best_shot(state, params):
    """Shoots between any two whole degrees, as the game sweeps these."""
    around, towards = around_frog(state), np.exp(-1j * np.radians(np.arange(0.5, 360)))
    turned = towards[:, None] * around
    open_way = (turned.real > 0) & (np.abs(turned.imag) < 60)
    stops = turned.real - np.sqrt(np.where(open_way, 3600 - turned.imag**2, 0))
    hits = np.where(open_way, stops, np.inf).argmin(1)
    inwards = np.append(np.diff(around), around[-1] - around[-2])
    at = np.arange(len(hits))
    touch = stops[at, hits] - turned[at, hits]
    behind = (touch * (towards * inwards[hits]).conjugate()).real > 0
    gaps = set((hits + behind)[open_way.any(1)].tolist())
    sizes = [
        len(some)
        for colour, some in groups(state["colours"])
        if colour == state["shot"] and len(some) > 1 and gaps & {*some, max(some) + 1}
    ]
    most = max(sizes, default=0)
    return f"yes, {most}, {sizes.count(most)}" if sizes else "no, 0, 0"


ORACLES = {
    "next_colour": lambda state, params: state["shot"],
    "colour_count": lambda state, params: str(state["colours"].count(params["colour"])),
    "groups_in_sector": groups_in_sector,
    "hit_colour": hit_colour,
    "shot_outcome": shot_outcome,
    "best_shot": best_shot,
}
