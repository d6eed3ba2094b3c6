"""Parts of losses that several methods use."""
