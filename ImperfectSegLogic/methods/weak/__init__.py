"""Methods for weak annotations: sparse, noisy, or for whole images only."""
