"""Where the episodes of RL come from: played in turn with the updates, or ahead of them."""
