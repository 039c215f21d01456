"""Preference training: from pairs, ranked lists or unwanted responses, given or sampled."""
