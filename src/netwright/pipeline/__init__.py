"""The way of the data, stage by stage: prepare, resolve, fit, assess; and `train`, which walks it."""
