"""The vLLM engine: the same policy as the local one, on vLLM in this process or behind a server.

Tokens go in, tokens and log-probabilities come out; vLLM never sees a text. Nothing of vLLM is
imported before an engine is made.
"""
