"""Our environments, given to other libraries: docs/interoperability.md says what maps to what."""
