"""Layout losses: how far attention is from where the objects should be."""

from torch import Tensor


def jensen_shannon_divergence(p: Tensor, q: Tensor, eps: float = 1e-12) -> Tensor:
    """Return the Jensen-Shannon divergence of distributions over the last dimension, in nats (0 to ln 2).

    JSD(p, q) = (KL(p ‖ m) + KL(q ‖ m)) / 2 with m = (p + q) / 2 (Lin 1991).

    Args:
        p: non-negative, sums to 1 over the last dimension; shape (..., K).
        q: like ``p``; the shapes broadcast.
        eps: floor under the logarithms, so that empty cells have finite gradients.
    """
    log_m = ((p + q) / 2).clamp_min(eps).log()
    kl_p = (p * (p.clamp_min(eps).log() - log_m)).sum(-1)
    kl_q = (q * (q.clamp_min(eps).log() - log_m)).sum(-1)
    return (kl_p + kl_q) / 2


def layout_loss(maps: Tensor, targets: Tensor, eps: float = 1e-12) -> Tensor:
    """Return the mean Jensen-Shannon divergence between attention and layout (TTOM's layout loss).

    Frames in which an object is absent (an all-zero target) do not count; the loss is 0 where none is left.

    Args:
        maps: attention to each object's words, shape (..., M, T, h, w), non-negative; each frame is normalised here.
        targets: distributions of shape (M, T, h, w), see :func:`ttom_pl.layout.object_targets`.
        eps: floor under sums and logarithms.

    Returns:
        A scalar from 0 to ln 2, the mean over leading dimensions, objects and frames.
    """
    flat = maps.flatten(-2).float()
    attention = flat / flat.sum(-1, keepdim=True).clamp_min(eps)
    target = targets.flatten(-2).float()
    present = (target.sum(-1) > 0).expand(attention.shape[:-1])
    return jensen_shannon_divergence(attention, target, eps)[present].sum() / present.sum().clamp_min(1)


__all__ = ["jensen_shannon_divergence", "layout_loss"]
