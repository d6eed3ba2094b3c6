"""Interactive segmentation (survey section 4.3.2)."""
