"""A product record of 2014, 2018, 2023, or of a shop's own, as the columns of metadata."""

from __future__ import annotations

import json
import re
from typing import Any

from .plain_text import joined_parts, one_line, plain_parts
from .prices import lowest_price
from .record_text import Record, kind_of, storable

LONGEST_URL = 2_000
LONGEST_CATEGORY = 80
"""Characters. In the files of 2018 sentences of the description follow the names of categories."""

PATH_SEPARATOR = " > "

_BRAND = re.compile(r"(?:by |[Bb]rand: )?(?:[Vv]isit the (.+) [Ss]tore|(.+))")
_NO_BRAND = {"unknown", "n/a", "na", "none", "-", "null", "nan"}
_SIZES = ("hi_res", "large", "thumb")
_URL = re.compile(r"(?i)https?://[^\s\"'<>]+")
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]{1,20}:|//")


class UnusableRecordError(ValueError):
    """A record that is no product.

    Attributes
    ----------
    reason
        ``a_review`` or ``missing_product_id``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def product_fields(record: Record) -> dict[str, Any]:
    """What a record says of its product.

    Parameters
    ----------
    record
        Keyed by ``asin`` or, in 2023, ``parent_asin``. Read, each where given: ``title``;
        ``description``; ``feature`` or ``features``; ``brand``, ``store`` or the brand among
        ``details``; ``category`` or ``categories``, ``main_category`` or ``main_cat``; ``price`` or
        ``list_price``; ``cost``; ``stock``; ``image``, ``images``, ``imageURLHighRes``,
        ``imageURL`` or ``imUrl``.

    Returns
    -------
    dict[str, Any]
        ``product_id``, ``title``, ``description``, ``features``, ``brand``, ``category``,
        ``category_path``, ``list_price``, ``cost``, ``stock``, ``image``, ``image_urls`` (list);
        None where there is none or it cannot be read. Texts are free of mark-up.

    Raises
    ------
    UnusableRecordError
        If it is a review, or has no id.
    """
    if kind_of(record) == "review":
        raise UnusableRecordError("a_review")
    product_id = _bare(record.get("asin")) or _bare(record.get("parent_asin"))
    if not product_id:
        raise UnusableRecordError("missing_product_id")
    path = _category_path(_given(record, "category", "categories"))
    urls = _image_urls(record)
    price = lowest_price(record.get("price"))
    return {
        "product_id": product_id,
        "title": one_line(record.get("title")),
        "description": joined_parts(record.get("description")),
        "features": "\n".join(plain_parts(_given(record, "feature", "features"))) or None,
        "brand": _brand(record),
        "category": path[0] if path else one_line(_given(record, "main_category", "main_cat")),
        "category_path": PATH_SEPARATOR.join(path) or None,
        "list_price": price if price is not None else lowest_price(record.get("list_price")),
        "cost": lowest_price(record.get("cost")),
        "stock": _whole_number(record.get("stock")),
        "image": _file_name(record) or (urls[0] if urls else None),
        "image_urls": urls,
    }


def _given(record: Record, *names: str) -> Any:
    """The first of these values that holds anything."""
    return next((record[name] for name in names if record.get(name)), None)


def _bare(value: Any) -> str | None:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return storable(str(value)).strip() or None
    return None


def _brand(record: Record) -> str | None:
    details = record.get("details")
    if isinstance(details, str):
        try:
            details = json.loads(details)
        except (ValueError, RecursionError):
            details = None
    told = [record.get("brand"), record.get("store")]
    if isinstance(details, dict):
        told += [details.get("Brand"), details.get("Brand Name")]
    return next((brand for brand in map(_brand_name, told) if brand), None)


def _brand_name(value: Any) -> str | None:
    text = one_line(value)
    match = _BRAND.fullmatch(text) if text else None
    name = (match.group(1) or match.group(2)).strip() if match else ""
    return name if name and name.lower() not in _NO_BRAND else None


def _category_path(value: Any) -> list[str]:
    """Names from the department down, as far as they are names."""
    while isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]  # 2014: a list of paths
    if isinstance(value, str):
        value = value.split(PATH_SEPARATOR)
    path: list[str] = []
    for part in value if isinstance(value, list) else []:
        name = one_line(part)
        if name is None or len(name) > LONGEST_CATEGORY or name.endswith("."):
            break
        if not path or path[-1] != name:
            path.append(name)
    return path


def _whole_number(value: Any) -> int | None:
    amount = lowest_price(value)
    return int(amount) if amount is not None and amount == int(amount) else None


def _file_name(record: Record) -> str | None:
    """The first image where it is a file, as a path beside the others, not an address."""
    for name in ("image", "images"):
        for text in _addresses(record.get(name))[:1]:
            if text and len(text) <= LONGEST_URL and not _ADDRESS.match(text):
                return text
    return None


def _image_urls(record: Record) -> list[str]:
    """The addresses of a product's pictures, largest sizes first named, none of them twice."""
    for name in ("images", "imageURLHighRes", "imageURL", "imUrl", "image"):
        urls = [text for text in _addresses(record.get(name)) if _is_url(text)]
        if urls:
            return list(dict.fromkeys(urls))
    return []


def _is_url(text: str) -> bool:
    return len(text) <= LONGEST_URL and _URL.fullmatch(text) is not None


def _addresses(value: Any) -> list[str]:
    """Texts of a text, a list of texts, a list of pictures in sizes, or lists by size."""
    if isinstance(value, str):
        return [storable(value).strip()]
    if isinstance(value, dict):
        sizes = [value[size] for size in _SIZES if isinstance(value.get(size), list)]
        longest = max(map(len, sizes), default=0)
        by_picture = (
            [size[number] for size in sizes if number < len(size)] for number in range(longest)
        )
        return [_first_text(picture) for picture in by_picture]
    if not isinstance(value, list):
        return []
    found = []
    # The picture that the shop shows first is called MAIN.
    for part in sorted(value, key=lambda part: not _is_main(part)):
        if isinstance(part, dict):
            found.append(_first_text([part.get(size) for size in _SIZES]))
        elif isinstance(part, str):
            found.append(storable(part).strip())
    return found


def _is_main(part: Any) -> bool:
    return isinstance(part, dict) and part.get("variant") == "MAIN"


def _first_text(values: list[Any]) -> str:
    return next((storable(text).strip() for text in values if isinstance(text, str) and text), "")
