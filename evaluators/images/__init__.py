"""Image sets: features of pictures, distances between them, the nearest neighbours."""
