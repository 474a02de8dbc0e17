"""A game by a language model, from somebody's source, through checks; see docs/adapt.md."""

REPLY_TOKENS = 16_384  # room for a reply: a file of 600 lines, and some thought before it
