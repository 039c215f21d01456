"""Reward models: what they learn from, and how they are trained."""
