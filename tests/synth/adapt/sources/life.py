#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Game of Life in a terminal, on a torus.  Usage: life.py [SIDE] [SEED]"""

import os
import random
import sys
import time

SIDE = int(sys.argv[1]) if len(sys.argv) > 1 else 20
random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else None)
world = [[random.random() < 0.35 for _ in range(SIDE)] for _ in range(SIDE)]


def around(r, c):
    n = 0
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            if dr or dc:
                n += world[(r + dr) % SIDE][(c + dc) % SIDE]
    return n


def tick():
    global world
    world = [
        [around(r, c) == 3 or (world[r][c] and around(r, c) == 2) for c in range(SIDE)]
        for r in range(SIDE)
    ]


if __name__ == "__main__":
    os.system("clear")
    while True:
        print("\033[H" + "\n".join("".join("o " if x else ". " for x in row) for row in world))
        tick()
        time.sleep(0.1)
