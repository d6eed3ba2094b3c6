"""What a mask and its diameters measure, and how that changed."""
