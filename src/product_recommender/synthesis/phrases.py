"""The sentences that reviews are put together from; words are chosen so that tone follows stars."""

from __future__ import annotations

HEADLINES: tuple[tuple[str, ...], ...] = (
    (
        "One Star", "Terrible {noun}", "Do not buy", "Waste of money", "Very disappointed",
        "Broke after a week", "Awful quality", "Worst {noun} ever", "Junk", "Horrible",
        "Save your money", "Does not work", "A complete failure", "Returned it", "Useless",
        "Bad {aspect}, avoid this {noun}", "Terrible {aspect}", "I hate it",
        "Poor quality, sad to say", "Stay away from this {noun}",
    ),
    (
        "Two Stars", "Not what I hoped for", "Disappointing {noun}", "Poor {aspect}",
        "Not worth the price", "Could be much better", "Weak {aspect}", "Expected more",
        "Cheap and it shows", "Not impressed", "Has problems", "Flawed {noun}", "Meh",
        "Disappointed with the {aspect}", "Mostly a disappointment", "I regret buying it",
        "Below average {noun}", "Not reliable",
    ),
    (
        "Three Stars", "It's okay", "Average {noun}", "Does the job, nothing more", "So so",
        "Mixed feelings about the {aspect}", "Decent, but with a flaw", "Okay for the price",
        "Not bad, not great", "An average {noun}", "Just all right", "Some good, some bad",
        "It works", "Middle of the road", "Acceptable {noun}", "Fine for now",
    ),
    (
        "Four Stars", "Good {noun}", "Good value", "Nice, with one small issue", "Pretty good",
        "Works well", "Happy with the {aspect}", "Solid {noun}", "Very good {aspect}",
        "Almost perfect", "Good quality", "Nice {noun} for the money", "Satisfied",
        "I like it", "A good buy", "Better than expected", "Does what it promises, nice",
        "Recommended",
    ),
    (
        "Five Stars", "Love it!", "Great {noun}", "Excellent", "Perfect", "Best {noun} I've owned",
        "Amazing {aspect}", "Highly recommend", "Awesome {noun}!", "Exactly what I wanted",
        "Great {aspect}, great price", "So happy with this {noun}", "Wonderful", "Great product",
        "Fantastic {aspect}", "Works great", "Could not be happier", "Beautiful {noun}",
        "Excellent quality", "I love this {noun}",
    ),
)  # fmt: skip

OPENINGS: tuple[tuple[str, ...], ...] = (
    (
        "This {noun} is terrible.", "I am very disappointed with this {noun}.",
        "Do not waste your money on this {noun}.", "What a piece of junk.",
        "The worst {noun} I have ever bought.", "I hate this {noun}.",
        "I wanted to like it, but this {noun} is awful.", "It stopped working within days.",
        "A horrible {noun} from start to finish.", "Complete garbage.",
    ),
    (
        "This {noun} is a disappointment.", "I expected more from this {noun}.",
        "Not a good {noun}, I am afraid.", "It has too many problems for the price.",
        "I was unhappy with this {noun} after a week.", "The {noun} looks better than it works.",
        "It sort of works, but it is a poor {noun}.", "I would not buy this {noun} again.",
    ),
    (
        "This {noun} is okay.", "An average {noun}.", "It does what it should, more or less.",
        "I have mixed feelings about this {noun}.", "It is all right for what it costs.",
        "There are good and bad sides to this {noun}.", "The {noun} works, with some limits.",
        "Neither great nor terrible.",
    ),
    (
        "This is a good {noun}.", "I am happy with this {noun}.", "A nice {noun} for the price.",
        "Overall I like this {noun}.", "It works well and I am satisfied.",
        "A solid {noun} with small flaws.", "Pretty good {noun}.",
        "I was pleased with this {noun}.",
    ),
    (
        "I love this {noun}!", "This {noun} is excellent.", "What a great {noun}.",
        "Absolutely perfect.", "The best {noun} I have ever had.",
        "I could not be happier with this {noun}.", "An amazing {noun} at a great price.",
        "Wonderful {noun}, better than I hoped.", "It is fantastic and works perfectly.",
        "We love it, great buy!",
    ),
)  # fmt: skip

CLOSINGS: tuple[tuple[str, ...], ...] = (
    (
        "I returned it and want my money back.", "Avoid it.", "A total waste of money.",
        "Customer service was useless, too.", "I am angry that I bought it.",
        "It went straight into the trash.", "Never again.", "Zero stars if I could.",
    ),
    (
        "I would not recommend it.", "I may return it.", "Look for something better.",
        "Sadly it is not worth the money.", "I regret the purchase.",
        "There must be less annoying ones.", "Disappointed.",
    ),
    (
        "It will do for now.", "You get what you pay for.", "I might try another brand next time.",
        "Okay, but not special.", "For occasional use it is fine.",
        "I am not sure that I would buy it again.",
    ),
    (
        "I would buy it again.", "Good value overall.", "Recommended, with that one caveat.",
        "A good choice for most people.", "I am satisfied.", "Nice product for the money.",
        "It gets the job done well.",
    ),
    (
        "Highly recommended!", "I would buy it again in a heartbeat, love it.",
        "Great value for the money.", "Five stars, excellent!", "Everyone who sees it loves it.",
        "Thank you for a wonderful product.", "Best purchase this year.",
        "I am so happy that I bought it.", "Buy it, you will love it.",
    ),
)  # fmt: skip

CONTEXTS: tuple[str, ...] = (
    "I bought this {noun} for my {person}.", "I have had it for {time} now.",
    "I use it almost every day.", "It replaced an old {noun} that lasted ten years.",
    "I ordered it after reading the reviews.", "It was a present for my {person}.",
    "I compared several brands before I chose this one.", "My {person} uses it more than I do.",
    "After {time} of use I can write about it.", "It arrived two days after the order.",
    "This is the second {noun} that I ordered this year.", "We use it at home and at the office.",
)  # fmt: skip

PERSONS = (
    "wife",
    "husband",
    "mother",
    "father",
    "son",
    "daughter",
    "brother",
    "sister",
    "neighbor",
)
TIMES = ("a week", "two weeks", "a month", "three months", "half a year", "about a year")

PRAISES = (
    "The {aspect} {verb} {word}.", "I really like the {aspect}, {word} for this price.",
    "{capital} {aspect}!", "For me the {aspect} {verb} the best part, just {word}.",
    "My favorite thing is the {aspect}: {word}.",
    "I was surprised how {word} the {aspect} {verb}.",
)  # fmt: skip
COMPLAINTS = (
    "The {aspect} {verb} {word}.", "I am not happy with the {aspect}, {word} for this price.",
    "{capital} {aspect}.", "The biggest problem is the {aspect}: {word}.",
    "Sadly the {aspect} {verb} {word}.", "I was annoyed by how {word} the {aspect} {verb}.",
)  # fmt: skip
GOOD = ("great", "excellent", "impressive", "wonderful", "amazing", "good", "fantastic", "perfect")
BAD = ("poor", "terrible", "awful", "disappointing", "bad", "horrible", "weak", "unacceptable")

SHORT_BODIES: tuple[tuple[str, ...], ...] = (
    ("Terrible.", "Did not work.", "Junk, do not buy.", "Broke right away.", "Awful {noun}.",
     "Waste of money.", "Bad {aspect}."),
    ("Not good.", "Disappointed.", "Poor {aspect}.", "Not worth it.", "Weak {noun}."),
    ("It is ok.", "Average {noun}.", "Works, I guess.", "The {aspect} could be better.", "Fine."),
    ("Good {noun}.", "Works well.", "Nice {aspect}.", "Good value.", "Happy with it."),
    ("Great {noun}!", "Love it.", "Works great.", "Perfect.", "Excellent {aspect}.",
     "Just what I wanted, great.", "Awesome!", "good", "Great product, thank you."),
)  # fmt: skip
