"""The selection: as `torch.topk`, whatever the width, and scores come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from product_recommender.recommenders.top_k import GROUP, _largest, best_of_rows, hidden_cells


@pytest.mark.parametrize("n_columns", [5, 700, 8 * GROUP * 21, 8 * GROUP * 21 + 13])
@pytest.mark.parametrize("k", [1, 5, 21])
def test_the_largest_are_those_of_torch(n_columns: int, k: int) -> None:
    k = min(k, n_columns)
    scores = torch.randn(40, n_columns, generator=torch.Generator().manual_seed(n_columns))
    scores[3] = -torch.inf
    scores[4, : n_columns // 2] = -torch.inf
    scores[5] = scores[5].round()  # many ties
    values, columns = _largest(scores, k)
    np.testing.assert_array_equal(values.numpy(), torch.topk(scores, k, dim=1).values.numpy())
    np.testing.assert_array_equal(values.numpy(), scores.gather(1, columns).numpy())
    assert all(len(set(row)) == k for row in columns.tolist())


def test_a_wide_row_with_ties_is_ordered_by_priority() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(4, size=(30, 9_000)).astype(np.float32)
    scores[:, rng.choice(9_000, size=8_900, replace=False)] -= 10
    priority = rng.permutation(9_000)
    columns, values = best_of_rows(torch.from_numpy(scores), priority, 20)
    for row in range(30):
        expected = np.lexsort((priority, -scores[row]))[:20]
        np.testing.assert_array_equal(columns[row], expected)
        np.testing.assert_array_equal(values[row], scores[row, expected])


def test_nan_is_found_in_a_wide_row() -> None:
    scores = torch.zeros(2, 10_000)
    scores[1, 7_777] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        best_of_rows(scores, np.arange(10_000), 10)


def test_hidden_cells_come_back_even_after_an_error() -> None:
    scores = torch.arange(12.0).view(3, 4)
    before, cells = scores.clone(), (np.array([0, 2, 2]), np.array([1, 0, 3]))
    with hidden_cells(scores, cells) as visible:
        assert visible[0, 1] == visible[2, 0] == visible[2, 3] == -torch.inf
        assert int(torch.isinf(visible).sum()) == 3
    assert torch.equal(scores, before)

    def fail() -> None:
        with hidden_cells(scores, cells):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert torch.equal(scores, before)


def test_rows_that_share_their_memory_are_hidden_one_by_one() -> None:
    row = torch.arange(4.0)
    with hidden_cells(row.expand(3, 4), (np.array([1]), np.array([2]))) as visible:
        assert visible[0, 2] == visible[2, 2] == 2.0
        assert visible[1, 2] == -torch.inf
    assert torch.equal(row, torch.arange(4.0))
