"""The nearest code, key or name to what somebody typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def nearest(word: str, choices: Iterable[str] | Mapping[str, str], limit: int = 1) -> list[str]:
    """Up to `limit` choices that `word` may be a slip for, best first; none if nothing is near.

    Parameters
    ----------
    word : what was typed; case does not matter.
    choices : codes, keys or names; or a mapping code -> label, where a word near a label finds its code.
    limit : how many to return at most.

    Returns
    -------
    List of choices. Codes are compared by optimal string alignment (a swap of two neighbours counts as one
    slip) and must agree in half of their letters; only if no code is near, labels are compared by rapidfuzz's
    `WRatio`, from 80. Ties go to the choice that comes first in the alphabet, so the answer never depends on
    the order of `choices`.

    Examples
    --------
    >>> nearest("KRO", ["KOR", "PRK", "DEU"])
    ['KOR']
    >>> nearest("south korea", {"KOR": "Korea, Republic of (South Korea)", "DEU": "Germany"})
    ['KOR']
    >>> nearest("zzz", ["KOR"])
    []
    """
    from rapidfuzz import fuzz, process
    from rapidfuzz.distance import OSA

    found = process.extract(
        word,
        {code: code for code in choices},
        scorer=OSA.normalized_similarity,
        processor=str.casefold,
        score_cutoff=0.5,
        limit=None,
    )
    if not found and isinstance(choices, Mapping) and len(word) > 2:
        found = process.extract(
            word,
            {code: label for code, label in choices.items() if label},
            scorer=fuzz.WRatio,
            processor=str.casefold,
            score_cutoff=80.0,
            limit=None,
        )
    return [code for _, _, code in sorted(found, key=lambda hit: (-hit[1], hit[2]))][:limit]


def did_you_mean(word: str, choices: Iterable[str] | Mapping[str, str]) -> str | None:
    """The nearest choice with its label in brackets, as `KOR (Korea)`; None if nothing is near.

    Examples
    --------
    >>> did_you_mean("KRO", {"KOR": "Korea"})
    'KOR (Korea)'
    """
    labels = choices if isinstance(choices, Mapping) else {}
    for choice in nearest(word, choices):
        label = labels.get(choice)
        return f"{choice} ({label})" if label and label != choice else choice
    return None
