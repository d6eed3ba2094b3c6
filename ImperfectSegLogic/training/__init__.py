"""One way to train: plan, prepared images, sampling, `fit`, run folders."""
