"""Where tables meet models, and the only place."""
