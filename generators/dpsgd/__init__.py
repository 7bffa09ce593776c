"""DP-SGD (arXiv 1607.00133): the only private gradient loop in the project.

``PrivateGradient`` draws a Poisson sample of units, clips each unit's exact gradient, adds Gaussian noise and
divides by a public number; whoever trains takes its gradients and nothing else of the private rows.
"""
