"""The wizard: a local page that leads from a file or a data dictionary to a release."""
