"""Images that nobody took, with their truth: random shapes, random contrasts, random faults."""
