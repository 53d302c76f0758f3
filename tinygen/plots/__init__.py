"""Pictures: samples, reconstructions, latent spaces, curves of a run.

Each function returns a matplotlib Figure and touches no global state; `figure.savefig(path)`
writes it, `png(figure)` gives the bytes. Images are (N, H, W, 1) or (N, H, W, 3) in [0, 1]; in
grey ones 1 is ink, black: give 1 - x of photographs.
"""

from tinygen.plots.causality import causality
from tinygen.plots.ellipses import ellipses
from tinygen.plots.frames import moving
from tinygen.plots.images import interleaved, panels, reconstructions, sample_grid, tiled
from tinygen.plots.logs import curves
from tinygen.plots.manifolds import manifold, manifold_sheet
from tinygen.plots.plane import plane, plane_animation
from tinygen.plots.receptive import receptive_fields
from tinygen.plots.scatter import latent_scatter, principal_axes
from tinygen.plots.style import png
from tinygen.plots.tradeoff import rate_distortion
from tinygen.plots.traversal import Walk, animation, traversals

__all__ = [
    "Walk",
    "animation",
    "causality",
    "curves",
    "ellipses",
    "interleaved",
    "latent_scatter",
    "manifold",
    "manifold_sheet",
    "moving",
    "panels",
    "plane",
    "plane_animation",
    "png",
    "principal_axes",
    "rate_distortion",
    "receptive_fields",
    "reconstructions",
    "sample_grid",
    "tiled",
    "traversals",
]
