"""The canvas that games draw on."""

from synth.draw.board import Board
from synth.draw.canvas import BLACK, BLUE, GREEN, GREY, PALE, RED, SLATE, WHITE, png, write
from synth.draw.oblique import Oblique, Panel
from synth.draw.shapes import SHAPES

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "PALE",
    "RED",
    "SHAPES",
    "SLATE",
    "WHITE",
    "Board",
    "Oblique",
    "Panel",
    "png",
    "write",
]
