"""From sparse marks of one case to a mask of all of it."""
