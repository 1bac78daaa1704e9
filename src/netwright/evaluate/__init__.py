"""How good a network is, where it fails, and what it is compared with. Works on plain arrays."""
