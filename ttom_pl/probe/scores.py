"""How well attention maps match where objects are, frame by frame."""

import torch
from torch import Tensor


def box_cells(boxes: Tensor, height: int, width: int) -> Tensor:
    """Return the cells of a grid whose centre is in a box; the cell of the box's centre always is.

    Args:
        boxes: (..., 4) as fractions of the frame, NaN where absent.
        height: rows h.
        width: columns w.

    Returns:
        Boolean masks of shape (..., h, w), empty where the box is absent.
    """
    x0, y0, x1, y1 = (side[..., None] for side in boxes.double().unbind(-1))
    x, y = ((torch.arange(n, device=boxes.device) + 0.5) / n for n in (width, height))
    middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
    across = ((x >= x0) & (x < x1)) | ((x - middle_x).abs() <= 0.5 / width + 1e-9)
    down = ((y >= y0) & (y < y1)) | ((y - middle_y).abs() <= 0.5 / height + 1e-9)
    return down[..., :, None] & across[..., None, :]


def attention_auc(maps: Tensor, cells: Tensor) -> Tensor:
    """Return the area under the ROC curve of attention as a score for "this cell is of the object".

    It is the probability that a cell of the object has more attention than one outside of it, ties counting half
    (Mann-Whitney): 1 is perfect, 0.5 is chance.

    Args:
        maps: attention, shape (..., h, w).
        cells: the object's cells, boolean, of a shape that broadcasts to that of ``maps``.

    Returns:
        Shape (...); NaN where the object has no cell, or all of them.
    """
    scores, inside = maps.flatten(-2).double(), cells.expand(maps.shape).flatten(-2)
    ordered = scores.sort(-1).values
    below = torch.searchsorted(ordered, scores)
    not_above = torch.searchsorted(ordered, scores, right=True)
    ranks = (below + not_above + 1).double() / 2
    ones = inside.sum(-1)
    zeros = inside.shape[-1] - ones
    area = ((ranks * inside).sum(-1) - ones * (ones + 1) / 2) / (ones * zeros)
    return torch.where((ones > 0) & (zeros > 0), area, torch.nan)


def attention_iou(maps: Tensor, cells: Tensor) -> Tensor:
    """Return the intersection over union of the object's n cells with the n cells of most attention.

    As many cells as the object has are taken, so that there is no threshold to choose. Ties at the threshold share the
    cells that are left, so that a flat map scores as chance does: n over twice the frame less n.

    Args:
        maps: attention, shape (..., h, w).
        cells: the object's cells, boolean, of a shape that broadcasts to that of ``maps``.

    Returns:
        Shape (...); NaN where the object has no cell.
    """
    scores, inside = maps.flatten(-2).double(), cells.expand(maps.shape).flatten(-2)
    count = inside.sum(-1, keepdim=True)
    least = scores.sort(-1, descending=True).values.gather(-1, (count - 1).clamp_min(0))
    above, tied = scores > least, scores == least
    share = (count - above.sum(-1, keepdim=True)).double() / tied.sum(-1, keepdim=True)
    overlap = ((above + tied * share) * inside).sum(-1)
    count = count[..., 0]
    return torch.where(count > 0, overlap / (2 * count - overlap), torch.nan)


def chance_iou(cells: Tensor) -> Tensor:
    """Return what :func:`attention_iou` gives for a flat map.

    Args:
        cells: the object's cells, boolean, shape (..., h, w).

    Returns:
        Shape (...); NaN where the object has no cell.
    """
    return attention_iou(torch.zeros(cells.shape, device=cells.device), cells)
