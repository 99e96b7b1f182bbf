"""Overlap and AUC of attention with boxes: closed forms, and torchmetrics."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_auroc

from ttom_pl.probe.scores import attention_auc, attention_iou, box_cells, chance_iou

NAN = float("nan")


def test_cells_of_a_box() -> None:
    """Centres count: of four columns they are at 1/8, 3/8, 5/8, 7/8."""
    cells = box_cells(torch.tensor([0.3, 0.0, 0.9, 0.5]), 2, 4)
    assert cells.tolist() == [[False, True, True, True], [False] * 4]


def test_a_box_between_the_centres_has_the_cell_that_it_is_in() -> None:
    cells = box_cells(torch.tensor([[0.02, 0.6, 0.04, 0.62], [NAN, NAN, NAN, NAN]]), 2, 4)
    assert cells[0].tolist() == [[False] * 4, [True, False, False, False]]
    assert not cells[1].any()


def test_perfect_flat_and_opposite_maps() -> None:
    cells = torch.zeros(4, 5, dtype=torch.bool)
    cells[1:3, 1:3] = True
    maps = torch.stack([cells.float(), torch.ones(4, 5), 1 - cells.float()])
    torch.testing.assert_close(attention_auc(maps, cells), torch.tensor([1.0, 0.5, 0.0]).double())
    flat = 4 * 4 / 20 / (8 - 4 * 4 / 20)
    torch.testing.assert_close(attention_iou(maps, cells), torch.tensor([1.0, flat, 0.0]).double())
    assert flat == pytest.approx(4 / (2 * 20 - 4))
    assert chance_iou(cells) == pytest.approx(flat)


def test_overlap_by_hand() -> None:
    """The two strongest of six cells against two cells, of which one is hit: 1 of 3."""
    maps = torch.tensor([[0.9, 0.1, 0.5], [0.2, 0.3, 0.0]])
    cells = torch.tensor([[True, True, False], [False, False, False]])
    assert attention_iou(maps, cells).item() == pytest.approx(1 / 3)


def test_no_object_is_no_number() -> None:
    maps, none, all = torch.rand(3, 3), torch.zeros(3, 3, dtype=torch.bool), torch.ones(3, 3, dtype=torch.bool)
    assert attention_auc(maps, none).isnan()
    assert attention_auc(maps, all).isnan()
    assert attention_iou(maps, none).isnan()
    assert chance_iou(none).isnan()
    assert attention_iou(maps, all) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_auc_is_that_of_torchmetrics(seed: int, levels: int) -> None:
    """Ties included; batched over leading dimensions."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randint(levels, (2, 3, 4, 6), generator=generator).float() / levels
    cells = torch.rand((3, 4, 6), generator=generator) < 0.3
    cells[:, 0, 0], cells[:, 0, 1] = True, False
    expected = [[binary_auroc(maps[i, j], cells[j].int()) for j in range(3)] for i in range(2)]
    torch.testing.assert_close(attention_auc(maps, cells).float(), torch.tensor(expected))
