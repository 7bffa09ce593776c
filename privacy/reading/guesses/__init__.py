"""What columns are guessed to be: by their names, by their texts, and by how they lie."""
