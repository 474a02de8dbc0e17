"""The format of records on disk: what is in them, reading, writing; no games and no JAX."""
