"""How the weights of the default interactive segmenter come about: from synthetic images only."""
