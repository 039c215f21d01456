"""The sizes of the embedded models, by name: for who has yet to choose, no model is needed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a decoder."""

    layers: int
    """Decoder blocks."""
    hidden: int
    """Width of the residual stream."""
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads; divides `heads`."""
    head_dim: int
    """Width of a head; even."""
    feed_forward: int
    """Width of the feed-forward layer."""


PRESETS = {
    "0.1m": Shape(layers=2, hidden=64, heads=4, kv_heads=2, head_dim=16, feed_forward=192),
    "0.4m": Shape(layers=2, hidden=128, heads=8, kv_heads=4, head_dim=16, feed_forward=384),
    "3m": Shape(layers=4, hidden=256, heads=8, kv_heads=4, head_dim=32, feed_forward=768),
    "100m": Shape(layers=16, hidden=768, heads=12, kv_heads=4, head_dim=64, feed_forward=2048),
}
"""Shapes by name. The name is the rough count of parameters with a small vocabulary."""
