"""A teacher: the model whose probabilities a student learns from, and what it said."""
