"""Reinforcement learning: the stage, the episodes of a step, their advantages, losses, updates."""
