"""Data sets from and for other programs, one format per file."""
