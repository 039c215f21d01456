"""Reinforcement learning: the stage, the episodes of a step, their advantages and losses."""
