"""How good the model is at its jobs, measured on the product's own path through the engine."""
