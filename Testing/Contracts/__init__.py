"""What every method of the catalog must keep, and planted broken methods that must be caught."""
