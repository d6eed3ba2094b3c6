"""Refinement by conditional random fields (survey section 4.6)."""
