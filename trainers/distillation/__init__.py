"""Distillation: a student learns from a teacher's probabilities, its texts or its judgements."""
