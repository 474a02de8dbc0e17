"""Twenty-one for one player at a prompt."""

import random

DECK = [rank + suit for suit in "SHDC" for rank in "A 2 3 4 5 6 7 8 9 10 J Q K".split()]


def value(hand):
    """Aces count 11, or 1 where 11 would be too much."""
    total = aces = 0
    for card in hand:
        rank = card[:-1]
        if rank == "A":
            aces += 1
            total += 11
        elif rank in "JQK":
            total += 10
        else:
            total += int(rank)
    while total > 21 and aces:
        total -= 10
        aces -= 1
    return total


def play():
    deck = random.sample(DECK, len(DECK))
    hand, bank = [deck.pop(), deck.pop()], [deck.pop()]
    while value(hand) < 21:
        print("You hold", *hand, "=", value(hand), "and the bank shows", *bank)
        if input("Another card (y/n)? ") != "y":
            break
        hand.append(deck.pop())
    if value(hand) > 21:
        return print("Bust with", value(hand))
    while value(bank) < 17:
        bank.append(deck.pop())
    won = value(bank) > 21 or value(hand) > value(bank)
    print("Bank:", *bank, "=", value(bank), "- you win!" if won else "- you lose.")


if __name__ == "__main__":
    play()
