"""Methods for few annotations (survey section 4)."""
