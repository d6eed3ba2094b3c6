"""Active learning: what to annotate next, and the queue of it in the data set."""
