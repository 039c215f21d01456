"""Choosing what to train on: each method reads a file of examples, and says what it dropped."""
