"""Workers on other machines, by Ray: how they are reached, watched and replaced.

Ray itself is imported where a recipe asks for it, and nowhere else.
"""
