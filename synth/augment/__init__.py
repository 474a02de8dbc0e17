"""`synth augment`: a language model words chains of reasoning more fully; filters keep facts."""
