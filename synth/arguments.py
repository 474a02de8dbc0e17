"""What options of the command line take."""

import argparse
import math


def anywhere(text: str):
    from records.paths import anywhere  # slow to import

    return anywhere(text)


def price(text: str):
    from endpoint.budget import price  # slow to import

    return price(text)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def share(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return number


def pixels(text: str) -> int:
    if int(text) < 56:
        raise argparse.ArgumentTypeError(f"{text} pixels are too few to read; take 56 or more")
    return int(text)
