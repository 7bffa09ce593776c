"""Several files nobody has described yet: which belong together, and as what."""
