"""One thread: the tests' networks are tiny, and tests run beside each other."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
