"""Episodes played by workers on the machines of a Ray cluster."""
