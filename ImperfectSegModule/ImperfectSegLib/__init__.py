"""What ImperfectSeg's modules share: the seam to MRML, background jobs, prompts in the scene."""
