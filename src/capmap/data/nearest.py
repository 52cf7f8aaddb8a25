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
    List of choices. Codes are compared by optimal string alignment (a swap of two neighbours counts as
    one slip) and must agree in half of their letters; labels by rapidfuzz's `WRatio` from 80. Ties go to
    the choice that comes first in the alphabet, so the answer never depends on the order of `choices`.

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

    labels = choices if isinstance(choices, Mapping) else dict.fromkeys(choices, "")
    by_code = process.extract(
        word,
        {code: code for code in labels},
        scorer=OSA.normalized_similarity,
        processor=str.casefold,
        score_cutoff=0.5,
        limit=None,
    )
    by_label = process.extract(
        word,
        {code: label for code, label in labels.items() if label and len(word) > 2},
        scorer=fuzz.WRatio,
        processor=str.casefold,
        score_cutoff=80.0,
        limit=None,
    )
    score = {code: similarity for _, similarity, code in by_code}
    for _, similarity, code in by_label:
        score[code] = max(score.get(code, 0.0), similarity / 100)
    return sorted(score, key=lambda code: (-score[code], code))[:limit]


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
