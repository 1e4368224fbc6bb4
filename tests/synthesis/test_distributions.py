"""What a generated world looks like: shares, tails, seasons, types."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synthesis.worlds import review_bytes, world

from product_recommender.synthesis.customers import CUSTOMER_TYPES
from product_recommender.synthesis.settings import WorldSettings
from product_recommender.synthesis.world import make_world

REAL_ELECTRONICS = (0.1158, 0.0579, 0.0771, 0.1735, 0.5757)


def by_type(values: np.ndarray, statistic: str = "mean") -> np.ndarray:
    made = world()
    types = made.customers.types[made.purchases.customers]
    return np.array([getattr(values[types == t], statistic)() for t in range(4)])


def test_sizes_are_exactly_those_asked_for() -> None:
    made = world()
    assert (len(made.products), len(made.customers), len(made.purchases)) == (300, 2_000, 30_000)
    counts = np.bincount(made.purchases.customers, minlength=2_000)
    np.testing.assert_array_equal(counts, made.customers.review_counts)
    assert counts.min() >= 1
    assert counts.max() <= 300 // 5


def test_stars_are_distributed_like_the_real_ones() -> None:
    shares = np.bincount(world().purchases.stars, minlength=6)[1:] / 30_000
    np.testing.assert_allclose(shares, REAL_ELECTRONICS, atol=0.01)


def test_ids_are_unique_and_look_real() -> None:
    made = world()
    assert len(set(made.customers.ids)) == 2_000
    assert len(set(made.products.ids)) == 300
    assert all(i.isdigit() and 7 <= len(i) <= 8 for i in made.customers.ids)
    assert all(len(i) == 10 and i.startswith("B00") and i.isalnum() for i in made.products.ids)
    variants = np.unique(world(n_products=2_000).products.parents, return_counts=True)[1]
    assert set(variants.tolist()) == {1, 2, 3}
    assert len(variants) == 1_700  # 85 parents for 100 products


def test_variants_of_a_parent_are_nearly_the_same_product() -> None:
    products = world().products
    order = np.argsort(products.parents, kind="stable")
    first, second = order[:-1], order[1:]
    same = products.parents[first] == products.parents[second]
    first, second = first[same], second[same]
    assert (products.kinds[first] == products.kinds[second]).all()
    assert (products.categories[first] == products.categories[second]).all()
    assert np.abs(products.quality[first] - products.quality[second]).mean() < 0.5
    assert all(products.titles[a] != products.titles[b] for a, b in zip(first, second, strict=True))


def test_popularity_and_activity_have_long_tails() -> None:
    made = world()
    sold = np.sort(np.bincount(made.purchases.products, minlength=300))[::-1]
    assert sold[:30].sum() / 30_000 > 0.25  # a tenth of the products, not a tenth of the sales
    assert np.median(made.customers.review_counts) < 0.7 * made.customers.review_counts.mean()


def test_most_customers_of_a_small_shop_have_few_reviews() -> None:
    counts = world(n_reviews=6_000).customers.review_counts
    assert (counts <= 2).mean() > 0.5


def test_flags_and_votes() -> None:
    made = world(n_reviews=60_000)
    bought = made.purchases
    assert 0.74 <= bought.verified.mean() <= 0.91
    assert 0.004 <= bought.vine.mean() <= 0.006
    assert not (bought.vine & bought.verified).any()
    five = bought.stars == 5
    assert five[bought.vine].mean() < five[~bought.vine].mean() - 0.05
    halves = np.array_split(np.argsort(bought.days, kind="stable"), 2)
    assert bought.verified[halves[1]].mean() > bought.verified[halves[0]].mean() + 0.01
    assert (bought.helpful_votes <= bought.total_votes).all()
    assert 0.5 < (bought.total_votes == 0).mean() < 0.8
    votes = [bought.total_votes[bought.stars == s].mean() for s in (1, 3, 5)]
    assert votes[0] > 1.3 * votes[1] > 1.3 * votes[2]


def test_nobody_buys_a_product_twice_unless_repeats_are_asked_for() -> None:
    def repeats(rate: float) -> int:
        bought = world(repeat_rate=rate).purchases
        pairs = bought.customers.astype(np.int64) * 300 + bought.products
        return len(pairs) - len(np.unique(pairs))

    assert repeats(0.0) == 0
    assert 150 < repeats(0.01) < 350  # about 0.01 of 28,000 that have an earlier purchase


def test_days_lie_inside_the_span_and_after_launch_and_sign_up() -> None:
    made = world(repeat_rate=0.0)
    bought, settings = made.purchases, made.settings
    assert bought.days.min() >= 0
    assert bought.days.max() < settings.n_days
    assert (made.products.launch_day[bought.products] <= bought.days).all()
    day_numbers = settings.first_day_number + bought.days
    assert (made.customers.sign_up_day[bought.customers] <= day_numbers).all()


def test_volume_grows_and_peaks_in_december_and_january() -> None:
    made = world()
    days = np.datetime64(made.settings.first_day) + made.purchases.days
    years = days.astype("datetime64[Y]").astype(int) + 1970
    per_year = [(years == year).sum() for year in (2012, 2013, 2014)]
    assert per_year[0] < per_year[1] < per_year[2]
    whole = days[(years == 2013) | (years == 2014)]
    months = np.bincount(whole.astype("datetime64[M]").astype(int) % 12, minlength=12)
    assert months[11] > 1.25 * np.median(months)
    weekdays = np.bincount((days.astype(int) + 3) % 7, minlength=7)  # 1970-01-01: a Thursday
    assert weekdays[:3].mean() > 1.05 * weekdays[5:].mean()


def test_customer_types_show_in_everything_a_persona_is_about() -> None:
    made = world()
    bought = made.purchases
    steady, critical, power, casual = range(4)
    assert [t.name for t in CUSTOMER_TYPES] == [
        "Steady and Satisfied",
        "Critical and Disengaged",
        "High-Value Power Buyers",
        "Casual Optimists",
    ]
    stars, spread = by_type(bought.stars.astype(float)), by_type(bought.stars.astype(float), "std")
    assert stars[casual] > stars[steady] > stars[power] > stars[critical] + 1
    assert spread[casual] < spread[steady] < spread[power]
    price = by_type(made.products.price[bought.products])
    assert price[power] > 1.3 * price[steady] > 1.3 * price[casual]
    assert by_type(bought.days.astype(float)).argmin() == critical
    counts = made.customers.review_counts
    per_customer = [counts[made.customers.types == t].mean() for t in range(4)]
    assert per_customer[power] > 2 * per_customer[steady] > 4 * per_customer[casual]
    prime = [made.customers.is_prime[made.customers.types == t].mean() for t in range(4)]
    assert np.argmax(prime) == power


def test_personas_can_be_recovered_from_twenty_reviews_a_customer() -> None:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    from sklearn.preprocessing import StandardScaler

    made = world(n_products=1_000, n_customers=5_000, n_reviews=100_000)
    bought, n = made.purchases, 5_000

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(bought.customers, values, n) / counts

    counts = made.customers.review_counts
    stars = mean(bought.stars)
    last, first = np.zeros(n), np.full(n, np.inf)
    np.maximum.at(last, bought.customers, bought.days)
    np.minimum.at(first, bought.customers, bought.days)
    price = mean(made.products.price[bought.products])
    columns = [
        np.log(counts),
        np.log(counts / (made.settings.n_days - first)),
        last,
        stars,
        np.sqrt(np.maximum(mean(bought.stars.astype(float) ** 2) - stars**2, 0)),
        np.log(price),
        np.log(price * counts),
        mean(bought.verified),
    ]
    points = StandardScaler().fit_transform(np.column_stack(columns))
    found = KMeans(4, n_init=10, random_state=0).fit_predict(points)
    assert adjusted_rand_score(made.customers.types, found) >= 0.5


@pytest.mark.parametrize("category", ["Electronics", "Furniture", "Major Appliances"])
def test_prices_are_log_normal_within_a_category(category: str) -> None:
    made = world(n_products=2_000)
    code = made.settings.categories.index(category)
    log_price = np.log(made.products.price[made.products.categories == code])
    standard = (log_price - log_price.mean()) / log_price.std()
    assert abs((standard**3).mean()) < 0.5  # raw prices: above 1.5
    assert 0.4 < log_price.std() < 1.3


def test_impossible_worlds_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="before first_day"):
        WorldSettings(first_day="2014-01-01", last_day="2013-01-01")
    with pytest.raises(
        ValueError, match="n_reviews 300 is too many: 10 customers write at most 20"
    ):
        WorldSettings(n_products=100, n_customers=10, n_reviews=300)
    with pytest.raises(ValueError, match="Groceries"):
        WorldSettings(category_shares={"Groceries": 1.0})
    with pytest.raises(ValueError, match="smaller than the number of categories"):
        WorldSettings(n_products=3, n_reviews=10)


def test_the_smallest_world_of_one_customer_one_product_one_category() -> None:
    made = make_world(
        WorldSettings(n_products=1, n_customers=1, n_reviews=1, category_shares={"Furniture": 1.0})
    )
    assert made.purchases.products.tolist() == [0]
    assert list(review_bytes(made)) == ["amazon_reviews_us_Furniture_v1_00.tsv"]
