"""What reviews praise and complain about, by category."""

from __future__ import annotations

from dataclasses import dataclass

ASPECTS_PER_CATEGORY = 8


@dataclass(frozen=True)
class Aspect:
    """Something about a product that a review can praise or complain about.

    Attributes
    ----------
    name
        Noun phrase without an article; a plural one has ``plural`` set.
    plural
        Whether the verb is plural.
    praise, complaint
        Sentences that fit this aspect only.
    """

    name: str
    praise: tuple[str, ...]
    complaint: tuple[str, ...]
    plural: bool = False


ELECTRONICS_ASPECTS = (
    Aspect(
        "battery life",
        (
            "The battery lasts for days on one charge.",
            "I charge it once a week and the battery still holds up great.",
        ),
        ("The battery dies after an hour.", "It will not hold a charge anymore."),
    ),
    Aspect(
        "picture quality",
        ("The picture is crisp with beautiful colors.", "Photos and movies look stunning."),
        (
            "The picture is blurry and the colors look washed out.",
            "There was a dead line across the screen.",
        ),
    ),
    Aspect(
        "sound",
        (
            "The bass is rich and the highs are clear.",
            "It gets loud without any distortion, I love it.",
        ),
        (
            "The sound is tinny and it crackles, horrible.",
            "There is an annoying hiss at any volume.",
        ),
    ),
    Aspect(
        "setup",
        ("Setup took five easy minutes.", "Plugged it in and it just worked, perfect."),
        (
            "The setup was a nightmare and the manual is useless.",
            "It took hours to set up and still fails.",
        ),
    ),
    Aspect(
        "wireless signal",
        (
            "It connects instantly and stays strong all over the house.",
            "The range is impressive, even through two walls.",
        ),
        (
            "It keeps dropping the connection, so frustrating.",
            "The signal is weak in the next room.",
        ),
    ),
    Aspect(
        "build quality",
        ("It feels solid and well made.", "I dropped it twice and it is still fine."),
        ("It is cheap plastic that broke in a week.", "The case cracked, a terrible build."),
    ),
    Aspect(
        "buttons",
        (
            "The buttons have a nice, positive click.",
            "The controls are easy to find in the dark.",
        ),
        (
            "The buttons stick and get worse every day.",
            "The power button failed after a month.",
        ),
        plural=True,
    ),
    Aspect(
        "fit",
        ("It is comfortable even after hours.", "It fits perfectly where I wanted it."),
        (
            "It is uncomfortable and hurts after a while.",
            "The plug does not fit, it is loose and falls out.",
        ),
    ),
)

FURNITURE_ASPECTS = (
    Aspect(
        "assembly",
        (
            "Assembly was easy, it took half an hour.",
            "All parts were labeled and went together perfectly.",
        ),
        (
            "Assembly was a nightmare, the holes did not line up.",
            "Two screws were missing and the assembly took all day.",
        ),
    ),
    Aspect(
        "finish",
        (
            "The finish is beautiful and looks expensive.",
            "The wood grain is gorgeous in person.",
        ),
        ("The finish was scratched and peeling.", "The veneer chips off, it looks awful."),
    ),
    Aspect(
        "comfort",
        (
            "I can sit in it for hours, so comfortable.",
            "I sleep better than I have in years, wonderful.",
        ),
        (
            "It is hard as a rock and my back hurts.",
            "The padding is thin and painful after ten minutes.",
        ),
    ),
    Aspect(
        "sturdiness",
        (
            "It is sturdy and does not wobble at all.",
            "It holds a lot of weight without any problem.",
        ),
        ("It wobbles and feels unsafe.", "A leg broke within a month, terrible."),
    ),
    Aspect(
        "instructions",
        (
            "The instructions are clear and helpful.",
            "The pictures in the manual made it simple and easy.",
        ),
        (
            "The instructions are confusing and partly wrong.",
            "The instructions make no sense, a frustrating mess.",
        ),
        plural=True,
    ),
    Aspect(
        "packaging",
        (
            "It was packed well and arrived in perfect condition.",
            "The box was heavy but everything was well protected.",
        ),
        (
            "The box arrived torn and a panel was damaged.",
            "It was packed badly, with broken corners.",
        ),
    ),
    Aspect(
        "color",
        (
            "The color is exactly as shown and matches the room perfectly.",
            "Lovely color, richer than in the pictures.",
        ),
        (
            "The color is nothing like the picture, very disappointing.",
            "The color is wrong and looks cheap.",
        ),
    ),
    Aspect(
        "storage space",
        (
            "There is a surprising amount of room, great for small apartments.",
            "Everything fits, the space is fantastic.",
        ),
        (
            "The shelves sag and there is hardly any space, useless.",
            "The drawers stick and are too small, a poor design.",
        ),
    ),
)

MAJOR_APPLIANCES_ASPECTS = (
    Aspect(
        "noise level",
        ("It is so quiet that I forget it is running.", "You can hardly hear it, amazing."),
        (
            "It is so noisy that we cannot talk in the kitchen, awful.",
            "The motor hums and rattles all night, very annoying.",
        ),
    ),
    Aspect(
        "cooling",
        (
            "It cools quickly and keeps everything perfectly cold.",
            "It keeps an even temperature, excellent.",
        ),
        (
            "It stopped cooling and our food was ruined.",
            "It never gets cold enough, a total failure.",
        ),
    ),
    Aspect(
        "energy use",
        (
            "Our electric bill went down, great savings.",
            "It is efficient and hardly uses any power, very happy.",
        ),
        (
            "It wastes energy and our bill went up, terrible.",
            "It trips the breaker, a bad and dangerous flaw.",
        ),
    ),
    Aspect(
        "delivery",
        (
            "Delivery was fast and the crew was friendly and helpful.",
            "It came on time without a scratch, excellent service.",
        ),
        (
            "The delivery was a disaster, they dented the door.",
            "It arrived damaged and late, awful service.",
        ),
    ),
    Aspect(
        "capacity",
        (
            "It holds plenty, perfect for a family.",
            "There is more room inside than I hoped, wonderful.",
        ),
        (
            "It is too small to be useful, disappointing.",
            "The shelves waste the space, a poor layout.",
        ),
    ),
    Aspect(
        "controls",
        (
            "The controls are simple and easy to use.",
            "The display is clear and the settings are great.",
        ),
        (
            "The controls are confusing and they failed after a month.",
            "The display went dead, so we are stuck with an error.",
        ),
        plural=True,
    ),
    Aspect(
        "cleaning results",
        ("Everything comes out spotless and fresh.", "It is easy to clean, I love that."),
        (
            "It leaves a nasty residue on everything.",
            "It smells terrible and is hard to clean.",
        ),
    ),
    Aspect(
        "door seal",
        (
            "The door closes with a solid, satisfying thud.",
            "The seal is tight and well made, good design.",
        ),
        (
            "The door does not seal and it leaks, what a mess.",
            "Water leaks all over the floor, horrible.",
        ),
    ),
)

PERSONAL_CARE_ASPECTS = (
    Aspect(
        "blade",
        (
            "It gives a close and smooth shave.",
            "It cuts cleanly without any pulling, excellent.",
        ),
        ("It pulls and cuts the skin, painful.", "It went dull in two weeks, worthless."),
    ),
    Aspect(
        "charge",
        (
            "One charge lasts a whole trip, wonderful.",
            "It charges fast and stays strong for weeks.",
        ),
        ("It dies in the middle of use, so annoying.", "It will not hold a charge, a waste."),
    ),
    Aspect(
        "feel on the skin",
        ("It is gentle, my sensitive skin loves it.", "My skin feels soft and clean, amazing."),
        ("It burned my skin and left an ugly rash.", "It irritates my skin badly."),
    ),
    Aspect(
        "motor",
        ("The motor is strong and smooth.", "It has plenty of power, impressive for the size."),
        ("The motor is weak and it stalls.", "The motor burned out with a bad smell."),
    ),
    Aspect(
        "cleaning",
        ("It rinses clean in seconds, so easy.", "It is easy to take apart and keep fresh."),
        (
            "It is a pain to clean and it gets disgusting.",
            "Hair gets stuck inside and it is awful to clean.",
        ),
    ),
    Aspect(
        "handle",
        (
            "It fits my hand perfectly, comfortable to use.",
            "It is light with a good grip, I like it.",
        ),
        ("It is heavy and hurts my wrist.", "It is slippery, I dropped it and it broke."),
    ),
    Aspect(
        "noise",
        (
            "It is pleasantly quiet, nice in the morning.",
            "It is quiet enough not to wake the baby, great.",
        ),
        ("It screams like a drill, horrible.", "It is so loud that it hurts my ears."),
    ),
    Aspect(
        "results",
        (
            "The results are amazing, people give me compliments.",
            "I see the difference after a week, so happy.",
        ),
        ("The results are poor and gone in an hour.", "It does nothing at all, useless."),
        plural=True,
    ),
)
