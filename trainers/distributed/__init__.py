"""Several processes that train one model: who they are, what they share out, how they wait."""
