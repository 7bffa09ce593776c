"""How close synthetic rows are to real ones, beside what real rows reach among themselves."""
