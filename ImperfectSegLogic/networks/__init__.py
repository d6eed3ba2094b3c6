"""Networks, made by name."""
