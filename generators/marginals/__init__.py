"""AIM and MST: synthetic tables from noisy marginals and a graphical model."""
