"""The budget of a data set over all its releases: chained tables, charges and permits, what was answered."""
