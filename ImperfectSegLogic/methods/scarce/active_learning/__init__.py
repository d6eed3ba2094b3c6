"""Query strategies: which unlabeled units are worth annotating next (survey 4.3.1, Table 3)."""
