"""The local engine in several processes, on the machines of a Ray cluster."""
