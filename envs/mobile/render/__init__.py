"""Part of the mobile environments."""
