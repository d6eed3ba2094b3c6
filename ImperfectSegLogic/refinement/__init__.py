"""Refining predictions: profiles, several refiners in a row, and calibration."""
