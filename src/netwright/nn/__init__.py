"""Networks whose tensors lead with a member axis: M networks of one shape are computed as one.

Axes: M members, K heads that share a member's trunk, B rows of a batch, F columns, D or H features,
C outputs, Q pieces, T places in a sequence.
"""
