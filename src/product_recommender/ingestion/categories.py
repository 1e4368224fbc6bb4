"""The categories of the Amazon US Customer Reviews data set, and how its files are named."""

from __future__ import annotations

import re
from collections.abc import Iterable

CATEGORIES: tuple[str, ...] = (
    "Apparel",
    "Automotive",
    "Baby",
    "Beauty",
    "Books",
    "Camera",
    "Digital_Ebook_Purchase",
    "Digital_Music_Purchase",
    "Digital_Software",
    "Digital_Video_Download",
    "Digital_Video_Games",
    "Electronics",
    "Furniture",
    "Gift_Card",
    "Grocery",
    "Health_Personal_Care",
    "Home",
    "Home_Entertainment",
    "Home_Improvement",
    "Jewelry",
    "Kitchen",
    "Lawn_and_Garden",
    "Luggage",
    "Major_Appliances",
    "Mobile_Apps",
    "Mobile_Electronics",
    "Music",
    "Musical_Instruments",
    "Office_Products",
    "Outdoors",
    "PC",
    "Personal_Care_Appliances",
    "Pet_Products",
    "Shoes",
    "Software",
    "Sports",
    "Tools",
    "Toys",
    "Video",
    "Video_DVD",
    "Video_Games",
    "Watches",
    "Wireless",
)
"""The 43 categories of the publisher's index. Kaggle's copy may lack some: its listing decides."""

# Video, Video_DVD and Video_Games all start alike: only the version may follow the category.
_FILE_NAME = re.compile(
    r"(?P<plain>amazon_reviews_us_(?P<category>\w+?)_v\d+_\d+\.tsv)(\.gz|\.zip)?"
)


def category_of_file(name: str) -> str | None:
    """Category of a review file, or None where the name is not that of one.

    Parameters
    ----------
    name
        File name, with or without folders before it.

    Examples
    --------
    >>> category_of_file("amazon_reviews_us_Video_DVD_v1_00.tsv")
    'Video_DVD'
    """
    match = _FILE_NAME.fullmatch(name.rsplit("/", 1)[-1])
    return match["category"] if match else None


def files_of_category(category: str, names: Iterable[str]) -> list[str]:
    """The files of one category among these, sorted; large categories come in several.

    Parameters
    ----------
    category
        One of ``CATEGORIES``.
    names
        File names of a listing.
    """
    return sorted(name for name in names if category_of_file(name) == category)


def plain_name(name: str) -> str:
    """Name of a review file once unpacked, without folders.

    Parameters
    ----------
    name
        As listed, perhaps with ``.gz`` or ``.zip`` at its end.
    """
    last = name.rsplit("/", 1)[-1]
    match = _FILE_NAME.fullmatch(last)
    return match["plain"] if match else last
