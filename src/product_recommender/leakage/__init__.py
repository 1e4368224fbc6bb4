"""Does anything that answers the test know more than it could have known? Comparisons and verdict.

What every artefact may hold is worked out a second time, from the dates of the reviews alone, and
compared. No code of the pipelines that made the artefacts is used for that: a check that shares a
function with a mistake shares the mistake.
"""
