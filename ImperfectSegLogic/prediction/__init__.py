"""From a trained model and an image to probabilities on the image's own grid."""
