"""What a release says of itself to people, catalogues and loaders."""
