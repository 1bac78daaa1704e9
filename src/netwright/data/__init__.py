"""Reading, splitting, kinds of columns, checks, cleaning, and raw tensors. Knows no networks."""
