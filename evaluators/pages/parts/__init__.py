"""The parts of the pages, each from scores to HTML."""
