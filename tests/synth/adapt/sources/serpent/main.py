import random

import pygame
from settings import BACKGROUND, BODY, CELL, FOOD, FPS, HEAD, HEIGHT, WIDTH

KEYS = {
    pygame.K_UP: (0, -1),
    pygame.K_DOWN: (0, 1),
    pygame.K_LEFT: (-1, 0),
    pygame.K_RIGHT: (1, 0),
}


class Serpent:
    def __init__(self):
        self.cells = [(5, 5), (4, 5), (3, 5)]
        self.way = (1, 0)
        self.grow = 0

    def step(self):
        x, y = self.cells[0]
        head = ((x + self.way[0]) % WIDTH, (y + self.way[1]) % HEIGHT)  # no walls: it wraps
        if head in self.cells[:-1]:
            raise SystemExit(f"bitten: {len(self.cells)} points")
        self.cells.insert(0, head)
        if self.grow:
            self.grow -= 1
        else:
            self.cells.pop()


def new_food(serpent):
    free = [(x, y) for x in range(WIDTH) for y in range(HEIGHT) if (x, y) not in serpent.cells]
    return random.choice(free)


def main():
    pygame.init()
    screen = pygame.display.set_mode((WIDTH * CELL, HEIGHT * CELL))
    clock, serpent = pygame.time.Clock(), Serpent()
    food = new_food(serpent)
    while True:
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                return
            if event.type == pygame.KEYDOWN and event.key in KEYS:
                way = KEYS[event.key]
                if (way[0] + serpent.way[0], way[1] + serpent.way[1]) != (0, 0):
                    serpent.way = way
        serpent.step()
        if serpent.cells[0] == food:
            serpent.grow += 1
            food = new_food(serpent)
        screen.fill(BACKGROUND)
        for n, (x, y) in enumerate(serpent.cells):
            pygame.draw.rect(screen, BODY if n else HEAD, (x * CELL, y * CELL, CELL, CELL))
        pygame.draw.rect(screen, FOOD, (food[0] * CELL, food[1] * CELL, CELL, CELL))
        pygame.display.flip()
        clock.tick(FPS)


if __name__ == "__main__":
    main()
