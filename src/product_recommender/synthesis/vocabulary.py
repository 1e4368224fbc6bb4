"""What the four categories sell: kinds, invented brands, attributes, and the aspects people praise.

Brand names are invented. Prices are synthetic medians in dollars.
"""

from __future__ import annotations

from dataclasses import dataclass

from .aspects import (
    ELECTRONICS_ASPECTS,
    FURNITURE_ASPECTS,
    MAJOR_APPLIANCES_ASPECTS,
    PERSONAL_CARE_ASPECTS,
    Aspect,
)


@dataclass(frozen=True)
class Kind:
    """A kind of product.

    Attributes
    ----------
    noun
        How reviews call it ("this speaker").
    title
        How its title calls it.
    price
        Median list price in dollars.
    attributes
        One of them stands in the title.
    """

    noun: str
    title: str
    price: float
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """Everything category-specific that titles, descriptions and reviews are made of."""

    brands: tuple[str, ...]
    colors: tuple[str, ...]
    kinds: tuple[Kind, ...]
    aspects: tuple[Aspect, ...]


_ELECTRONICS = Vocabulary(
    brands=(
        "Voltara",
        "Kendrix",
        "Sonivo",
        "Lumatek",
        "Arcwell",
        "Pixora",
        "Nexbolt",
        "Tundrix",
        "Orbitone",
        "Quellis",
        "Zephon",
        "Maravox",
        "Corvic",
        "Halonix",
    ),
    colors=("Black", "White", "Silver", "Blue", "Red", "Gray"),
    kinds=(
        Kind("headset", "Over-Ear Headphones", 59, ("Noise Isolating", "Foldable", "Wired")),
        Kind("speaker", "Bluetooth Speaker", 49, ("Waterproof", "Portable", "10W Stereo")),
        Kind("cable", "High Speed HDMI Cable", 11, ("6 Feet", "10 Feet", "15 Feet")),
        Kind("router", "Dual Band Wireless Router", 79, ("AC1200", "AC1750", "N600")),
        Kind("television", "LED HDTV", 349, ("32-Inch", "40-Inch", "50-Inch")),
        Kind("camera", "Digital Camera", 189, ("16 MP", "20 MP", "12x Zoom")),
        Kind("charger", "Portable Charger", 24, ("5000 mAh", "10000 mAh", "Dual USB")),
        Kind("keyboard", "Wireless Keyboard", 35, ("Compact", "Full Size", "Backlit")),
        Kind("hard drive", "External Hard Drive", 75, ("500 GB", "1 TB", "2 TB")),
        Kind("tablet", "Android Tablet", 129, ("7-Inch", "8 GB", "16 GB")),
    ),
    aspects=ELECTRONICS_ASPECTS,
)

_FURNITURE = Vocabulary(
    brands=(
        "Oakhollow",
        "Brindleton",
        "Maplevane",
        "Norhaven",
        "Castlery Lane",
        "Willowmark",
        "Tessaro",
        "Hearthside",
        "Fernwick",
        "Graingate",
        "Lindmoor",
        "Cobblestead",
    ),
    colors=("Espresso", "Walnut", "White", "Black", "Natural", "Gray"),
    kinds=(
        Kind("bookcase", "Bookcase", 79, ("3-Shelf", "5-Shelf", "Corner")),
        Kind("desk", "Computer Desk", 129, ("48-Inch", "L-Shaped", "With Drawers")),
        Kind("chair", "Office Chair", 109, ("Mesh Back", "High Back", "Adjustable")),
        Kind("bed frame", "Platform Bed Frame", 179, ("Twin", "Full", "Queen")),
        Kind("table", "Coffee Table", 99, ("Lift Top", "Round", "With Storage")),
        Kind("nightstand", "Nightstand", 59, ("2-Drawer", "1-Drawer", "With Shelf")),
        Kind("mattress", "Memory Foam Mattress", 249, ("8-Inch", "10-Inch", "12-Inch")),
        Kind("stool", "Bar Stool", 69, ("Set of 2", "Swivel", "Backless")),
        Kind("TV stand", "TV Stand", 119, ("50-Inch", "60-Inch", "Corner")),
    ),
    aspects=FURNITURE_ASPECTS,
)

_MAJOR_APPLIANCES = Vocabulary(
    brands=(
        "Frostwell",
        "Glaciera",
        "Homestead Pro",
        "Kelmore",
        "Brightwash",
        "Duraflame Works",
        "Norvik",
        "Aquelle",
        "Thermion",
        "Castine",
    ),
    colors=("White", "Stainless Steel", "Black", "Silver"),
    kinds=(
        Kind(
            "refrigerator",
            "Top Freezer Refrigerator",
            549,
            ("18 cu. ft.", "20 cu. ft.", "Energy Star"),
        ),
        Kind("dishwasher", "Built-In Dishwasher", 429, ("24-Inch", "Quiet", "6 Cycles")),
        Kind("washer", "Portable Washing Machine", 229, ("1.6 cu. ft.", "Compact", "Top Load")),
        Kind("ice maker", "Portable Ice Maker", 149, ("26 lb", "Countertop", "2 Sizes")),
        Kind("range hood", "Under Cabinet Range Hood", 119, ("30-Inch", "36-Inch", "Ducted")),
        Kind("wine cooler", "Wine Cooler", 189, ("12-Bottle", "18-Bottle", "28-Bottle")),
        Kind("cooktop", "Electric Cooktop", 259, ("2 Burner", "4 Burner", "Ceramic Glass")),
        Kind(
            "mini fridge",
            "Compact Refrigerator",
            139,
            ("1.7 cu. ft.", "3.2 cu. ft.", "With Freezer"),
        ),
    ),
    aspects=MAJOR_APPLIANCES_ASPECTS,
)

_PERSONAL_CARE = Vocabulary(
    brands=(
        "Velisse",
        "Groomwell",
        "Purela",
        "Smoothera",
        "Dermica",
        "Brisklane",
        "Solenne",
        "Trimcraft",
        "Aerial Glow",
        "Nimbelle",
    ),
    colors=("White", "Pink", "Black", "Blue", "Purple"),
    kinds=(
        Kind("shaver", "Electric Shaver", 59, ("Wet & Dry", "Rechargeable", "3 Heads")),
        Kind("toothbrush", "Electric Toothbrush", 39, ("Sonic", "2 Brush Heads", "With Timer")),
        Kind("hair dryer", "Ionic Hair Dryer", 35, ("1875 W", "Folding Handle", "With Diffuser")),
        Kind("trimmer", "Beard Trimmer", 29, ("Cordless", "20 Settings", "Waterproof")),
        Kind("flat iron", "Ceramic Flat Iron", 32, ("1-Inch", "Dual Voltage", "450F")),
        Kind("massager", "Handheld Massager", 42, ("Deep Tissue", "With Heat", "5 Heads")),
        Kind("epilator", "Epilator", 49, ("Cordless", "2 Speeds", "With Light")),
        Kind("scale", "Bathroom Scale", 25, ("400 lb", "Glass Top", "Backlit Display")),
    ),
    aspects=PERSONAL_CARE_ASPECTS,
)

VOCABULARIES: dict[str, Vocabulary] = {
    "Electronics": _ELECTRONICS,
    "Furniture": _FURNITURE,
    "Major Appliances": _MAJOR_APPLIANCES,
    "Personal_Care_Appliances": _PERSONAL_CARE,
}
"""By the name that stands in the ``product_category`` column of the real files."""
