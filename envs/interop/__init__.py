"""Environments of other libraries, taken in: docs/interoperability.md says what maps to what."""
