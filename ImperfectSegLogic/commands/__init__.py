"""The subcommands of `imperfectseg` and what they share."""
