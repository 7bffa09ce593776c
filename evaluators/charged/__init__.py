"""Figures on people held out that may be published: noisy tables asked under a charge to the holdout.

Models, thresholds and bins come from the synthetic rows and are free, so that each person held out falls in one
public cell of each table. Everything after the noise is arithmetic.
"""
