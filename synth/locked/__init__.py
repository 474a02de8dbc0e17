"""Games and their oracles in processes that can do nothing but answer; see docs/sandbox.md."""
