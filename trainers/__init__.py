"""Trainers: formulas, loops, checkpoints and recipes."""

if __name__ != "gym_reason.trainers":
    raise ImportError("import this package as gym_reason.trainers, not as trainers")
