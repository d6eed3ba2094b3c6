"""Selective loss with and without mask completion (survey 5.2)."""
