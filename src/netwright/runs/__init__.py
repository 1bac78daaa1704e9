"""The run folder, and the model that is saved in it."""
