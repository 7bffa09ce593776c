"""Deep tabular generators on one opening and one gradient engine: masked diffusion, CTGAN and PATE-GAN."""
