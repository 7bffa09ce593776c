"""How the numbers of one column lie, from noisy counts."""
