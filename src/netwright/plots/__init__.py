"""Pictures of networks made by hand, as matplotlib figures that a notebook shows; `savefig` writes them.

No picture has a title: give it one with `figure.axes[0].set_title(...)`.
"""

from netwright.plots.drawing import network
from netwright.plots.rates import schedule
from netwright.plots.surface import surface

__all__ = ["network", "schedule", "surface"]
