"""Evaluation: how often an agent solves tasks, how sure we are of it, and what it did.

An evaluation is a folder: `config.json` says what was asked, `trajectories/episodes.jsonl` holds
each episode token by token as soon as it ended, `results.jsonl` what became of each in one short
line, and `summary.json` the figures.
"""
