"""Training of populations. Knows no screen, and no task beyond what the head tells it."""
