"""The model that a run trains: its parameters, its forward passes, its files."""
