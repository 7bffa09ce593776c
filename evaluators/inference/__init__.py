"""Whether regressions on synthetic tables say what those on real rows say, and which tests hold."""
