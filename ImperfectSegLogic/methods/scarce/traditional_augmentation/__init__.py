"""Traditional data augmentation (survey 4.1.1): image quality, appearance and layout."""
