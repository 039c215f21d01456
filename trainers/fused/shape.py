"""The sizes and constants of a decoder that its fused pass needs."""

from dataclasses import dataclass

from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """Sizes and constants of a decoder."""

    hidden: int
    """Width of the residual stream."""
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads; each serves `heads / kv_heads` query heads."""
    head_dim: int
    """Width of a head, even."""
    epsilon: float
    """Added to the mean square in every norm."""

    @classmethod
    def of(cls, model: PreTrainedModel) -> "DecoderShape":
        """Return the shape of a model."""
        config = model.config
        heads = config.num_attention_heads
        return cls(
            hidden=config.hidden_size,
            heads=heads,
            kv_heads=config.num_key_value_heads,
            head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
            epsilon=config.rms_norm_eps,
        )

    @property
    def query_width(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of all key heads together, or of all value heads."""
        return self.kv_heads * self.head_dim

    @property
    def queries_per_key(self) -> int:
        """Query heads that share a key head."""
        return self.heads // self.kv_heads
