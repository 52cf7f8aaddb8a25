"""Formulas of the revealed-advantage family as arithmetic on their symbols, and the papers that the measures are from."""

from __future__ import annotations

#: Symbol -> expression, for every kind of indicator. x_ij, x_i, x_j and x are sums of figures.
COMMON = {
    "value": "x_ij",
    "expected": "x_i * x_j / x",
    "share_region": "x_ij / x_i",
    "share_world": "x_ij / x_j",
    "rca": "(x_ij / x_i) / (x_j / x)",
    "rsca": "(rca - 1) / (rca + 1)",
    "nrca": "(x_ij - expected) / x",
    "arca": "x_ij / x_i - x_j / x",
    "rca_weighted": "rca / mean_rca",
    "ceiling": "x / max(x_i, x_j)",
    "rca_loo": "(x_ij / x_i) / ((x_j - x_ij) / (x - x_i))",
    "rca_log": "ln(rca)",
    "rca_ex_largest": "(x_ij / x_i_ex) / (x_j_ex / x_ex)",
    "expected_ex": "x_i_ex * x_j_ex / x_ex",
    "rca_per_capita": "(x_ij / population_i) / (x_j_known / population)",
    "vollrath_rta": (
        "(x_ij / (x_i_both - x_ij)) / ((x_j_both - x_ij) / (x_both - x_i_both - x_j_both + x_ij))"
        " - (m_ij / (m_i - m_ij)) / ((m_j - m_ij) / (m - m_i - m_j + m_ij))"
    ),
    "lafay": (
        "100 * ((x_ij - m_ij) / (x_ij + m_ij) - (x_i_both - m_i) / (x_i_both + m_i)) * (x_ij + m_ij) / (x_i_both + m_i)"
    ),
    "michaely": "x_ij / x_i_both - m_ij / m_i",
}
#: The doubt of counts: O and E are divided by phi alike.
COUNTS = {
    "rca_low": "gammaincinv(x_ij / phi, (1 - level) / 2) * phi / expected if x_ij > 0 else 0",
    "rca_high": "gammainccinv(x_ij / phi + 1, (1 - level) / 2) * phi / expected",
    "posterior_shape": "x_ij / phi + alpha",
    "posterior_rate": "expected / phi + alpha",
    "rca_eb": "posterior_shape / posterior_rate",
    "rca_eb_low": "gammaincinv(posterior_shape, (1 - level) / 2) / posterior_rate",
    "rca_eb_high": "gammainccinv(posterior_shape, (1 - level) / 2) / posterior_rate",
    "p_above_one": "gammaincc(posterior_shape, posterior_rate)",
    "p_above_threshold": "gammaincc(posterior_shape, posterior_rate * threshold)",
    "p_material": "gammaincc(posterior_shape, (decisive / phi + alpha) * material)",
    "dispersion": "phi",
    "judged": "posterior_shape / (decisive / phi + alpha)",
    "p_ex": "gammaincc(posterior_shape, (expected_ex / phi + alpha) * threshold)",
}
NO_VARIANCE = {"rca_eb": "1", "judged": "1"}
#: What decides on the class of a count, on the probability and the expected count named.
CLASS_OF_COUNT = (
    '"none" if x_ij == 0 and {expected} >= min_count'
    ' else "established" if {expected} >= min_expected and {p} >= p_established and x_ij >= min_count'
    ' else "below" if {expected} >= min_expected and {p} <= 1 - p_established'
    ' else "uncertain"'
)
#: Of values with several years in the window, and with one; an index at the threshold but for round-off is neither.
CLASS_OF_YEARS = (
    '"uncertain" if rca_low >= threshold * (1 - 1e-9) and rca_high <= threshold * (1 + 1e-9)'
    ' else "established" if rca_low >= threshold * (1 - 1e-12)'
    ' else "below" if rca_high < threshold * (1 - 1e-12)'
    ' else "uncertain"'
)
CLASS_OF_ONE_YEAR = (
    '"uncertain" if threshold * (1 - 1e-9) <= rca <= threshold * (1 + 1e-9)'
    ' else "indicated" if rca >= threshold * (1 - 1e-12)'
    ' else "below"'
)
BAND = (
    'None if judged < threshold or class_ not in ("established", "indicated")'
    ' else "very_high" if judged >= max(4, material)'
    ' else "high" if judged >= max(2, material)'
    ' else "moderate" if judged >= material'
    ' else "slight"'
)
TRAJECTORY = (
    '"lasting" if now_material == 1 and persistence == 3 else "recent" if now_material == 1'
    ' else "lost" if persistence > 0 and certainly_gone == 1 else "unclear" if persistence > 0 else "never"'
)

_BALASSA = "Balassa (1965), The Manchester School 33(2), 99-123"
_GAMMA = (
    "Clayton & Kaldor (1987), Biometrics 43, 671-681: Gamma-Poisson posterior, the prior by marginal maximum likelihood"
)
_ATLAS = "Hausmann, Hidalgo, Bustos, Coscia, Simoes & Yildirim (2014), The Atlas of Economic Complexity"
_ECI = (
    "Hidalgo & Hausmann (2009), PNAS 106(26), 10570-10575; the eigenproblem as in Mealy, Farmer & Teytelboym (2019), "
    "Science Advances 5(1), eaau1705"
)
_SPACE = "Hidalgo, Klinger, Barabasi & Hausmann (2007), Science 317, 482-487"
_HANDBOOK = "OECD/JRC (2008), Handbook on Constructing Composite Indicators"
_THREE = (
    "relative intensity r_ij / r_j with the weighted mean of the world; rca_stock = rca_denominator * rii / rii_region"
)

#: Measure -> paper and equation.
METHODS = {
    **dict.fromkeys(("value", "rank_world", "share_region", "share_world", "expected", "rca", "ceiling"), _BALASSA),
    "rca_loo": f"{_BALASSA}; the region itself is left out of the reference",
    "rca_ex_largest": f"{_BALASSA}; the dominant other region is left out of the reference",
    "rca_log": f"{_BALASSA}; its natural logarithm",
    "rsca": "Dalum, Laursen & Villumsen (1998), International Review of Applied Economics 12(3), 423-443",
    "nrca": "Yu, Cai & Leung (2009), Annals of Regional Science 43, 267-282",
    "arca": "Hoen & Oosterhaven (2006), Annals of Regional Science 40, 677-691",
    "rca_weighted": "Proudman & Redding (2000), Review of International Economics 8(3), 373-396",
    **dict.fromkeys(("rca_low", "rca_high"), "Garwood (1936), Biometrika 28, 437-442: exact interval of a count"),
    **dict.fromkeys(
        ("rca_eb", "rca_eb_low", "rca_eb_high", "p_above_one", "p_above_threshold", "p_material", "posterior_shape",
         "posterior_rate", "class", "band", "class_ex_largest", "persistence", "trajectory", "periods"), _GAMMA,
    ),
    "dispersion": "median of squared standardised changes between periods over 0.4549, the median of chi-square with 1 "
    "degree of freedom",
    "largest_other": "largest share of another region in the reference, above a quarter",
    "rca_per_capita": "relative specialisation per head: the share of the sector over the share of the population",
    "vollrath_rta": "Vollrath (1991), Weltwirtschaftliches Archiv 127(2), 265-280",
    "lafay": "Lafay (1992), in Dagenais & Muet (eds), International Trade Modelling, 209-234",
    "michaely": "Michaely (1962), Concentration in International Trade",
    **dict.fromkeys(("eci", "pci", "eci_rank", "pci_rank", "diversity", "ubiquity", "mean_ubiquity"), _ECI),
    **dict.fromkeys(("presence", "density"), _SPACE),
    "relative_density": f"{_SPACE}; z-score over the sectors that the region does not hold",
    **dict.fromkeys(("distance", "coi", "cog"), _ATLAS),
    **dict.fromkeys(
        ("fitness", "q"),
        "Tacchella, Cristelli, Caldarelli, Gabrielli & Pietronero (2012), Scientific Reports 2, 723",
    ),
    **dict.fromkeys(("denominator", "rii", "rii_region", "dri", "rca_stock", "rca_denominator"), _THREE),
    "ratio_median": "ratio to the unweighted median of the regions, no comparison with the world",
    **dict.fromkeys(("percentile", "rank", "treated"), _HANDBOOK),
    "score": _HANDBOOK,
    "coverage": _HANDBOOK, "imputed_share": _HANDBOOK,
}  # fmt: skip
METHODS["proximity"] = f"{_SPACE}; van Eck & Waltman (2009), JASIST 60(8), 1635-1651"
#: The same of what a command prints besides.
PRINTED = {
    "complexity": _ECI,
    "opportunities": f"{_SPACE}; the model and its grade: capmap opportunities --backtest",
    "relatedness": "Strona et al. (2014), Nature Communications 5, 4114: tables of the same margins",
    "compare": _GAMMA,
    "sector": "Hirschman (1964), American Economic Review 54(5), 761-762",
    "profile": "a ratio of two figures of the project",
    "rca": _BALASSA,
    "normalise": _HANDBOOK,
    "index": "Saisana, Saltelli & Tarantola (2005), Journal of the Royal Statistical Society A 168(2), 307-323",
    "robustness": "Saisana, Saltelli & Tarantola (2005), Journal of the Royal Statistical Society A 168(2), 307-323",
}
#: Proximity of two sectors, from the regions that hold both and either; `n` hold anything.
PROXIMITY = {
    "minimum_conditional": "together / max(ubiquity, ubiquity_other)",
    "cosine": "together / sqrt(ubiquity * ubiquity_other)",
    "jaccard": "together / (ubiquity + ubiquity_other - together)",
    "association": "n * together / (ubiquity * ubiquity_other)",
}
