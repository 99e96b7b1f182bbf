"""The layout loss against SciPy and against closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from ttom_pl.layout.loss import jensen_shannon_divergence, layout_loss


def distributions(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random distributions over the last dimension."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(-1)


def test_equals_scipy() -> None:
    """SciPy returns the square root of the divergence."""
    p, q = distributions(5, 30, seed=1), distributions(5, 30, seed=2) ** 3
    q = q / q.sum(-1, keepdim=True)
    expected = np.square(jensenshannon(p.numpy(), q.numpy(), axis=-1))
    np.testing.assert_allclose(jensen_shannon_divergence(p, q).numpy(), expected, rtol=1e-9)


def test_equal_distributions_are_at_zero() -> None:
    p = distributions(4, 64)
    assert jensen_shannon_divergence(p, p).abs().max() < 1e-15


def test_disjoint_distributions_are_at_ln_2() -> None:
    p, q = torch.eye(6, dtype=torch.float64)[:2]
    assert jensen_shannon_divergence(p, q).item() == pytest.approx(math.log(2), rel=1e-12)


def test_is_symmetric_and_bounded() -> None:
    p, q = distributions(20, 16, seed=3) ** 8, distributions(20, 16, seed=4)
    p = p / p.sum(-1, keepdim=True)
    forth, back = jensen_shannon_divergence(p, q), jensen_shannon_divergence(q, p)
    torch.testing.assert_close(forth, back)
    assert (forth >= 0).all()
    assert (forth <= math.log(2)).all()


def test_layout_loss_is_the_mean_over_blocks_objects_and_frames() -> None:
    """Against a loop; the maps need not be normalised."""
    maps, targets = torch.rand(2, 3, 4, 5, 6) * 7, torch.rand(3, 4, 5, 6)
    targets = targets / targets.sum((-2, -1), keepdim=True)
    values = [
        jensenshannon(maps[b, m, t].flatten(), targets[m, t].flatten()) ** 2
        for b in range(2)
        for m in range(3)
        for t in range(4)
    ]
    assert layout_loss(maps, targets).item() == pytest.approx(np.mean(values), rel=1e-5)


def test_frames_in_which_the_object_is_absent_do_not_count() -> None:
    maps, targets = torch.rand(1, 2, 4, 3, 3), torch.rand(2, 4, 3, 3)
    targets = targets / targets.sum((-2, -1), keepdim=True)
    targets[0, 1:] = 0
    changed = maps.clone()
    changed[:, 0, 1:] = torch.rand(3, 3, 3)
    assert layout_loss(maps, targets) == layout_loss(changed, targets)
    both = torch.cat([maps[:, 0, :1], maps[:, 1]], dim=1), torch.cat([targets[0, :1], targets[1]])
    torch.testing.assert_close(layout_loss(maps, targets), layout_loss(both[0][:, None], both[1][None]))


def test_loss_is_zero_where_no_object_is_ever_present() -> None:
    """Not NaN, which would spoil the adapter."""
    maps = torch.rand(1, 1, 2, 3, 3, requires_grad=True)
    loss = layout_loss(maps, torch.zeros(1, 2, 3, 3))
    loss.backward()
    assert loss == 0
    assert maps.grad is not None
    assert not maps.grad.any()


@pytest.mark.parametrize("attended", [0.0, 1e-30, 1.0])
def test_gradients_are_finite_where_nothing_is_attended_or_wanted(attended: float) -> None:
    """All attention on cells without target, the rest empty."""
    maps = torch.zeros(1, 1, 1, 4, 4)
    maps[..., 0, 0] = attended
    maps.requires_grad_()
    targets = torch.zeros(1, 1, 4, 4)
    targets[..., 3, 3] = 1
    layout_loss(maps, targets).backward()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()


def test_descent_pulls_attention_into_the_box() -> None:
    logits = torch.zeros(1, 1, 1, 8, 8, requires_grad=True)
    targets = torch.zeros(1, 1, 8, 8)
    targets[..., 2:4, 5:7] = 0.25
    optimizer = torch.optim.SGD([logits], lr=20)
    losses = []
    for _ in range(50):
        loss = layout_loss(logits.flatten(-2).softmax(-1).unflatten(-1, (8, 8)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 10
