"""How the background moves: the camera, as far as it pans."""

from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.evaluation.metrics.detections import Detection, Displacement

_SIDE = 128
_LEAST_OVERLAP, _LEAST_TEXTURE, _LEAST_CORRELATION = 0.3, 0.01, 0.5
_MARGIN = 0.01

Floats = NDArray[np.float64]


def background_motion(video: Tensor, frames: Sequence[Sequence[Detection]]) -> tuple[Displacement, ...]:
    """Return how far the background has moved since the first frame.

    Successive frames are compared by normalised cross-correlation of the pixels that no object covers (Padfield,
    *Masked Object Registration in the Fourier Domain*, 2012), at 128 pixels on the longer side, to a fraction of a
    pixel by a parabola through the peak; the shifts are summed. It measures translation, the mean motion that
    T2V-CompBench takes of tracked background points. Zoom and parallax are averaged over, and where the background has
    no texture, or nothing of it is found again, it counts as standing still.

    Args:
        video: shape (F, 3, H, W), values in [0, 1].
        frames: the objects of each frame; where they have masks these are left out, else their boxes.

    Returns:
        For each frame (dx, dy) as fractions of the frame.
    """
    gray = video.float().mean(1, keepdim=True)
    scale = min(1.0, _SIDE / max(video.shape[2:]))
    height, width = (max(8, round(side * scale)) for side in video.shape[2:])
    pictures = F.interpolate(gray, (height, width), mode="area")[:, 0].double().cpu().numpy()
    masks = [_background(detections, height, width) for detections in frames]
    places = [(0.0, 0.0)]
    for time in range(1, len(pictures)):
        dx, dy = _shift(pictures[time - 1], masks[time - 1], pictures[time], masks[time])
        places.append((places[-1][0] + dx / width, places[-1][1] + dy / height))
    return tuple(places)


def _background(detections: Sequence[Detection], height: int, width: int) -> Floats:
    """Return 1 where no object is, shape (height, width)."""
    mask = np.ones((height, width))
    for detection in detections:
        if detection.mask is not None:
            rows = np.minimum(
                ((np.arange(height) + 0.5) * detection.mask.shape[0] / height).astype(int), len(detection.mask) - 1
            )
            columns = ((np.arange(width) + 0.5) * detection.mask.shape[1] / width).astype(int)
            mask[detection.mask[np.ix_(rows, np.minimum(columns, detection.mask.shape[1] - 1))]] = 0
        else:
            x0, y0, x1, y1 = np.clip(detection.box, 0, 1) * (width, height, width, height)
            mask[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = 0
    return mask


def _shift(a: Floats, a_mask: Floats, b: Floats, b_mask: Floats) -> tuple[float, float]:
    """Return the (dx, dy) in pixels by which the masked content of ``a`` is found in ``b``."""
    if min(_texture(a, a_mask), _texture(b, b_mask)) < _LEAST_TEXTURE:
        return 0.0, 0.0
    correlation = _masked_correlation(a, a_mask, b, b_mask)
    row, column = np.unravel_index(int(correlation.argmax()), correlation.shape)
    peak = correlation[row, column]
    if peak < _LEAST_CORRELATION or peak < correlation[0, 0] + _MARGIN:
        return 0.0, 0.0
    height, width = correlation.shape
    dy = row + _vertex(*(correlation[(row + step) % height, column] for step in (-1, 0, 1)))
    dx = column + _vertex(*(correlation[row, (column + step) % width] for step in (-1, 0, 1)))
    return float(dx - width * (dx > width / 2)), float(dy - height * (dy > height / 2))


def _texture(picture: Floats, mask: Floats) -> float:
    """Return the standard deviation of the pixels in the mask; 0 where it is nearly empty."""
    inside = picture[mask > 0]
    return float(inside.std()) if inside.size >= 0.05 * mask.size else 0.0


def _masked_correlation(a: Floats, a_mask: Floats, b: Floats, b_mask: Floats) -> Floats:
    """Return the normalised cross-correlation at every shift, negative ones at the end; −1 with too little overlap."""
    size = tuple(2 * side for side in a.shape)

    def transform(picture: Floats) -> NDArray[np.complex128]:
        return np.fft.rfft2(picture, size)

    def correlate(left: NDArray[np.complex128], right: NDArray[np.complex128]) -> Floats:
        return np.fft.irfft2(left.conj() * right, size)

    a, b = a * a_mask, b * b_mask
    fa, fb, ma, mb = transform(a), transform(b), transform(a_mask), transform(b_mask)
    overlap = correlate(ma, mb).round()
    count = np.maximum(overlap, 1)
    sum_a, sum_b = correlate(fa, mb), correlate(ma, fb)
    covariance = correlate(fa, fb) - sum_a * sum_b / count
    variance_a = (correlate(transform(a**2), mb) - sum_a**2 / count).clip(0)
    variance_b = (correlate(ma, transform(b**2)) - sum_b**2 / count).clip(0)
    least = count * _LEAST_TEXTURE**2
    fit = (overlap >= _LEAST_OVERLAP * overlap.max()) & (variance_a > least) & (variance_b > least)
    result: Floats = np.where(fit, covariance / np.sqrt(np.where(fit, variance_a * variance_b, 1)), -1)
    return result


def _vertex(left: float, middle: float, right: float) -> float:
    """Return where between −0.5 and 0.5 the parabola through three points is highest."""
    curvature = left - 2 * middle + right
    return 0.0 if curvature >= 0 else float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5))
