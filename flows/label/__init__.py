"""The privacy label: what was promised and spent, where it comes from, what it does not cover."""
