"""Fine-tuning of vision-language models of Qwen's kind in JAX."""

import os

# transformers only reads tokenizers and settings here, and its advice to install PyTorch misleads.
os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
