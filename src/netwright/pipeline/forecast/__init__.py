"""The way of rows in time: read, laid out on regular steps, split, windows, trained, judged, reported."""
