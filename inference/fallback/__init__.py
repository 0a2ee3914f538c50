"""A dedicated classifier that decides where the language model is not sure. Off by default."""
