"""Exact marginals of private rows: in this process, or on the workers of a cluster."""
