"""Supervised fine-tuning: its demonstrations, how they are mixed and packed."""
