"""What methods gain: declared in a file, measured with a baseline, kept up to date."""
