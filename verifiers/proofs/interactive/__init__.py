"""Provers that run as programs of their own: what a theorem, a session and a check are."""
