"""Conditional random fields: kernels, fast filters, mean field (survey section 4.6)."""
