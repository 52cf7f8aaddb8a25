"""What every name in a result means: columns, reasons in `note`, classes, bands and the other closed words.

The reference pages are generated from here, so each meaning is written once. A column's text gives its meaning and
unit; where it can be null, a last sentence that starts with `Null:` says when.
"""

from __future__ import annotations

#: Column -> meaning. A key `table.column` or `command.table.column` is for tables that use the name in their own sense.
COLUMNS: dict[str, str] = {
    # keys
    "indicator": "Id of the indicator: the name of its file in the catalogue.",
    "year": "Calendar year of the figures, the last one where a window of years is summed. "
    "Null: the data have one period without a year.",
    "region": "Code of the region.",
    "region_label": "Name of the region, with `--labels`.",
    "sector": "Code of the sector in the indicator's classification; `_T` is the total.",
    "sector_label": "Name of the sector, with `--labels`.",
    "value": "Observed value, summed over the window, in the indicator's unit. Null: there is none; `note` says why.",
    "status": "SDMX status letter of the latest row. Null: a normal value.",
    "note": "Why there is no figure, or what to beware of: names sorted and joined by `;`. Null: nothing to say.",
    # the revealed-advantage family
    "expected": "Value the region would have if it were as specialised as the reference, E = x_i x_j / x, in the "
    "indicator's unit. Null: as `rca`.",
    "share_region": "Share of the sector in the region's own total, 0 to 1. Null: as `rca`.",
    "share_world": "Share of the region in the reference's total of the sector, a ratio from 0: of the world, unless "
    "`--reference` puts something else in its place (screens then head it `reference %`); above 1 only where the "
    "reference is smaller than the region. Null: as `rca`.",
    "rank_world": "Rank of the value among the regions of the table in this sector; 1 is the largest, ties share the "
    "smallest rank. Null: no value.",
    "rca": "Revealed comparative advantage, value / expected: a ratio, 1 = as specialised as the reference. "
    "Null: no value or no base.",
    "rsca": "Symmetric RCA, (RCA - 1)/(RCA + 1), from -1 (a true zero) to 1; 0 is neutral. Null: as `rca`.",
    "nrca": "Normalised RCA, (value - expected)/x, from -1/4 to 1/4; a contribution to the world's structure, larger "
    "for large regions. Null: as `rca`.",
    "arca": "Additive RCA, own share less world share, from -1 to 1; adds up to 0 over a region's sectors. "
    "Null: as `rca`.",
    "rca_weighted": "Weighted RCA, RCA divided by the mean RCA of the region's sectors; a ratio, mean 1. Null: as "
    "`rca`.",
    "rca_ex_largest": "RCA against the reference without the dominant other region, one that holds more than a quarter "
    "of it; for the dominant region itself the next such region. Null: no other region is that large, or no base is "
    "left.",
    "ceiling": "Largest RCA the cell could reach, x / max(x_i, x_j); low for large regions and large sectors. "
    "Null: as `rca`, or the region is no part of the reference, where nothing bounds the index.",
    "rca_low": "Lower end of the range of RCA. Counts: exact interval of counting error, widened by `dispersion`. "
    "Values: smallest yearly index of the window. Null: no index, or values of one period.",
    "rca_high": "Upper end of the range of RCA, as `rca_low`. Null: no index, or values of one period.",
    "rca_eb": "Empirical-Bayes index of counts, (O/phi + alpha)/(E/phi + alpha): RCA drawn towards 1, the more the "
    "less is expected. Null: no index, or values.",
    "rca_eb_low": "Lower end of the posterior interval of the true index. Null: no index, values, or no variance "
    "beyond chance.",
    "rca_eb_high": "Upper end of the posterior interval of the true index. Null: as `rca_eb_low`.",
    "p_above_one": "Posterior probability that the true index exceeds 1, from 0 to 1. Null: as `rca_eb_low`.",
    "p_material": "Posterior probability that the true index exceeds the material one (`[profile] material`, 1.25, "
    "or the threshold where that is higher), from 0 to 1; against the rest of the world where the region exceeds a "
    "tenth of it. Null: as `rca_eb_low`, or the sole producer among such large regions.",
    "dispersion": "Noise between periods, phi: the variance of counts in units of the Poisson variance, at least 1; "
    "one number for all cells of an indicator. Null: values.",
    "persistence": "Periods among the last three in which the cell was materially specialised, 0 to 3. Null: no index, "
    "or a break lies between these periods.",
    "class": "Verdict on the cell: `established`, `uncertain`, `below`, `none` or `indicated`. Null: no index.",
    "band": "How high a specialisation is: `slight`, `moderate`, `high` or `very_high`. Null: not specialised, or not "
    "judged.",
    # what --with appends
    "rca_loo": "RCA against all others, without the region in the reference. Null: as `rca`, or the sole producer.",
    "rca_log": "Natural logarithm of RCA. Null: as `rca`, or RCA is 0.",
    "rca_per_capita": "Value per head over the world's value per head; a ratio that a rich region can exceed "
    "everywhere. Null: no population of the region in that year.",
    "vollrath_rta": "Vollrath's relative trade advantage, RXA - RMA; 0 is neutral. Null: no matching imports.",
    "lafay": "Lafay index, in per cent of the region's trade; adds up to 0 over its sectors. Null: no matching "
    "imports.",
    "michaely": "Michaely index, share in exports less share in imports, from -1 to 1. Null: no matching imports.",
    "diversity": "Number of sectors in which the cell's region has RCA at or above the threshold.",
    "ubiquity": "Number of regions that have RCA at or above the threshold in the cell's sector.",
    "periods": "Periods that `persistence` could look at, 1 to 3.",
    "trajectory": "How the specialisation went over these periods: `lasting`, `recent`, `lost` or `never`. Null: as "
    "`persistence`.",
    "posterior_shape": "Shape of the Gamma posterior of the true index, O/phi + alpha. Null: as `rca_eb_low`.",
    "posterior_rate": "Rate of the Gamma posterior of the true index, E/phi + alpha. Null: as `rca_eb_low`.",
    "largest_other": "Code of the region left out in `rca_ex_largest`. Null: no other region is that large.",
    "class_ex_largest": "Verdict against the reference without `largest_other`. Null: as `rca_ex_largest`.",
    # intensity
    "intensity.value": "Observed ratio or score, in the indicator's unit. Null: there is none; `note` says why.",
    "denominator": "Size the intensity is divided by, in its own unit. Null: not in the project.",
    "rii": "Relative intensity, the region's intensity over the world's in the same sector; a ratio, 1 = as the world. "
    "Null: no denominator, below the floor, or no base.",
    "rii_region": "Relative intensity of the region as a whole; a ratio. Null: as `rii`.",
    "dri": "Double-relative intensity, `rii / rii_region`: sectors that stand out for their own region; a ratio. "
    "Null: as `rii`.",
    "rca_stock": "RCA of the stock behind the intensity (intensity x denominator), equal to "
    "`rca_denominator x rii / rii_region`; a ratio. Null: as `rii`.",
    "rca_denominator": "RCA of the denominator over the same cells; a ratio. Null: as `rii`.",
    "ratio_median": "Ratio to the unweighted median of the regions in the sector; not a comparison with the world. "
    "Null: no value, a median of 0, or a score.",
    "percentile": "Place among the regions of the sector as a share from 0 to 1, mid-rank for ties; 1 is the better "
    "end. Null: no value.",
    "rank": "Place among the regions; 1 is the best by the indicator's direction, ties share the smallest. "
    "Null: no value.",
    "n": "Number of regions with a value in the same indicator, year and sector.",
    # normalise
    "normalise.value": "Observed value before anything was done to it, in the indicator's unit. Null: there is none; "
    "`note` says why.",
    "normalise.denominator": "Size the value was divided by, with `--per`. Null: nothing was divided, or no size is "
    "known.",
    "treated": "Value after division and outlier treatment. Null: no value, no size, or the column was refused.",
    "score": "Normalised value; its scale is that of `method`. Null: no value, or the column was refused.",
    "normalise.rank": "Place of the treated value, the same for every method; 1 is the best by the direction, ties "
    "share the smallest. Null: no value.",
    "method": "Name of the normalisation.",
    "treatment.n": "Number of values in the column.",
    "skewness_before": "Skewness of the column before treatment (type 2). Null: fewer than 3 values, or no spread.",
    "excess_kurtosis_before": "Excess kurtosis of the column before treatment (type 2). Null: fewer than 4 values, or "
    "no spread.",
    "treatment": "What was done to the column: `none`, `winsorised`, `log` or `failed` (neither cured it, so nothing "
    "was changed).",
    "points": "Number of values changed.",
    "treatment.regions": "Codes of the regions whose value was changed, joined by `;`. Null: none.",
    "winsor_low": "Value to which the low end was pulled in. Null: it was not.",
    "winsor_high": "Value to which the high end was pulled in. Null: it was not.",
    "log_shift": "Constant c in log(x + c), or in -log(c - x) where mirrored. Null: no logarithm was taken.",
    "log_mirrored": "Whether the logarithm was taken of the mirror image, for a tail to the left. Null: no logarithm "
    "was taken.",
    "skewness_after": "Skewness after treatment. Null: as `skewness_before`.",
    "excess_kurtosis_after": "Excess kurtosis after treatment. Null: as `excess_kurtosis_before`.",
    "scale_low": "Value that scores 0 (or 1 where less is better). Null: the method has no such value.",
    "scale_high": "Value that scores 1 (or 0 where less is better). Null: the method has no such value.",
    "scale_log": "Whether the goalposts are on a logarithmic scale. Null: the method has no goalposts.",
    "outside_low": "Number of values below the lower goalpost, cut off there. Null: the method has no goalposts.",
    "outside_high": "Number of values above the upper goalpost, cut off there. Null: the method has no goalposts.",
    "anchor": "The target, or the reference value divided by. Null: the method has neither.",
    # profile, compare and sector
    "clause": "Which clause of the headline the row is.",
    "measure": "Name of the figure in `value`. Null: the clause has no figure.",
    "headline.year": "Year of the figure. Null: the clause counts over indicators.",
    "headline.indicator": "Indicator the clause is about. Null: it counts over all of them.",
    "headline.region": "Region the clause names. Null: none.",
    "headline.sector": "Sector the clause names. Null: none.",
    "headline.value": "Figure of the clause, of the kind that `measure` names. Null: the clause has none.",
    "headline.low": "Lower end of the range of the figure. Null: none.",
    "headline.high": "Upper end of the range of the figure. Null: none.",
    "headline.n": "Count that belongs to the figure: persistence of a specialisation, rank of a leader, number of "
    "regions or fields looked at. Null: none.",
    "headline.class": "Class of the cell. Null: the clause is not about one cell.",
    "compare.headline.region": "Region ahead in the difference. Null: the clause is not about a pair.",
    "compare.headline.other": "Region behind in the difference. Null: the clause is not about a pair.",
    "context.measure": "What the row says: `label`, `group` or `population`.",
    "context.year": "Year of the population: that of the figures per head, else the nearest to the year asked. "
    "Null: the row is no figure.",
    "context.value": "The population, in persons. Null: the row is a text.",
    "text": "The label or the name of a group. Null: the row is a figure.",
    "peers.kind": "How the peers were chosen: `yours` (named in the run file) or `structural`.",
    "earlier": "Whether the index reached the material threshold in a period before the last three. Null: no earlier period.",
    "distance": "Structural distance, in standard deviations. Null: peers of your own choice.",
    "stage": "Stage of the innovation and production chain.",
    "state": "Evidence at the stage: `evidence` (every indicator has the region), `partial`, `not_in_year` (data of "
    "other years alone) or `no_evidence`.",
    "stages.indicators": "Ids that have data of the region, joined by `;`. Null: none.",
    "lacking": "Ids of the stage without data of the region, joined by `;`. Null: none.",
    "size.value": "Total over the sectors, in the indicator's unit. Null: no value.",
    "size.sector": "Always `_T`: the total.",
    "size.share_world": "Share of the total in the reference's total, 0 to 1. Null: no value.",
    "size.rank": "Rank of the total among the regions; 1 is the largest, ties share the smallest. Null: no value.",
    "size.n": "Number of regions with a total.",
    "per_million": "Total per million inhabitants. Null: no population of that year.",
    "peer_median": "Median of the peers' figures, per million inhabitants for totals. Null: no peer has one.",
    "population_year": "Year of the population used, where it is another one. Null: the same year.",
    "size.status": "Status letters that occur in the region's rows of the year, joined by `;`. Null: none.",
    "place": "Place among the compared regions; those whose order is not resolved share one. Null: the series breaks "
    "in this year.",
    "size_history.share_world": "Share of the total in the reference's total, 0 to 1. Null: no reference in that year.",
    "listing": "Where the cell stands in a profile.",
    "peers": "Number of peers with a value.",
    "intensity.peer_median": "Median of the peers' values. Null: no peer has one.",
    "similarity": "Cosine of the two patterns of RSCA, from -1 to 1; shrunken indices for counts.",
    "overlap": "Part of the two structures that is the same (Finger-Kreinin), from 0 to 1.",
    "kind": "Kind of the indicator: `count`, `value`, `intensity` or `score`.",
    "coverage.year": "Year shown. Null: no data of the year asked for, or none at all.",
    "first_year": "First year with data. Null: no data, or data without years.",
    "last_year": "Last year with data. Null: no data, or data without years.",
    "sectors": "Number of sectors with a value.",
    "of": "Number there could be: sectors (in `sector`: regions) that the indicator has. Null: not asked.",
    "regions": "Number of regions with a value. Null: not asked.",
    "missing": "Number of rows without a value. Null: not asked.",
    "estimated": "Number of rows that are estimated, imputed or provisional. Null: not asked.",
    "breaks": "Number of rows with a break. Null: not asked.",
    "low_reliability": "Number of rows of low reliability. Null: not asked.",
    "question": "What to ask next: `new_or_counting_change` (does the world's total move as well?) or "
    "`survives_without_largest_owner`.",
    "questions.first_year": "Year before, to which the change refers. Null: no change is computed.",
    "questions.measure": "Name of the figure. Null: no figure.",
    "questions.value": "Relative change of the world's total, 0.1 = ten per cent more. Null: no world total.",
    "name": "Name shown to readers.",
    "title": "Title of the publication or data set.",
    "producer": "Organisation that publishes the figures. Null: not stated.",
    "table": "Table number or data-set code. Null: not stated.",
    "vintage": "Edition or date of the figures. Null: not stated.",
    "url": "Where the publication is found. Null: not stated.",
    "licence": "Terms of use. Null: not stated.",
    "differs": "Whether the order of at least one pair is resolved.",
    "spread": "Largest difference of RSCA (shrunken for counts) among the resolved pairs, 0 to 2. Null: none is "
    "resolved.",
    "ahead": "Region ahead in that pair. Null: none is resolved.",
    "behind": "Region behind in that pair. Null: none is resolved.",
    "p_ahead": "Posterior probability that the first region's true index is the higher one, from 0 to 1. Null: "
    "values, or not judged.",
    "common": "Whether all compared regions are specialised (established or indicated).",
    "only": "The one region that is materially specialised while no other is specialised at all. Null: there is no "
    "such region.",
    "nobody": "Whether no compared region is specialised, and none is uncertain.",
    "too_close": "Whether no pair is resolved although all regions have an index.",
    "order_without_largest": "Whether that pair keeps its order without the dominant region in the reference: `same` "
    "or `reversed`. Null: no region is that large, or nothing to compare.",
    "other": "Code of the second region of the pair.",
    "resolved": "Whether the order counts as known: probability at least 0.90 either way; ranges apart for values.",
    "pairs.spread": "RSCA of `region` less RSCA of `other` (shrunken for counts), from -2 to 2.",
    "complements.value": "RSCA of `region` less RSCA of `other`, from 0 to 2.",
    "compare.coverage.sectors": "Number of sectors with an index.",
    "compare.coverage.last_year": "Last year with a value of the region. Null: none, or data without years.",
    "compare.coverage.of": "Number of sectors of the indicator. Null: not compared.",
    # sector
    "hhi_low": "Herfindahl-Hirschman index of the sector over regions if the rest of the world is many small ones, "
    "0 to 1. Null: no base.",
    "hhi_high": "The same if the rest of the world is a single region. Null: no base.",
    "effective_low": "Effective number of regions, 1 / `hhi_high`. Null: no base.",
    "effective_high": "Effective number of regions, 1 / `hhi_low`. Null: no base.",
    "top1_share": "Share of the largest region in the world, 0 to 1. Null: no base.",
    "top3_share": "Share of the three largest regions, 0 to 1. Null: no base.",
    "top5_share": "Share of the five largest regions, 0 to 1. Null: no base.",
    "covered": "Share of the world that the listed regions hold, 0 to 1. Null: no base, or some regions are unknown.",
    "previous_year": "Year of the period before. Null: none, or not comparable.",
    "value_previous": "Value in the period before. Null: no value.",
    "share_previous": "`share_world` in the period before. Null: no value.",
    "rca_previous": "RCA in the period before. Null: no index.",
    "specialised": "Number of regions that are specialised (established or indicated).",
    "uncertain": "Number of regions whose class is uncertain.",
    "below_floor": "Number of regions with too little expected to judge.",
    "no_index": "Number of regions without an index.",
    "suspended": "Number of regions whose change is not judged because of a break.",
    "uncertain.regions": "Number of regions with an index.",
    "world.value": "Total of the world in the sector, in the indicator's unit. Null: no base.",
    "world.periods": "Periods that the window holds.",
    "change": "Relative change of the world's total since `previous_year`. Null: none, or not comparable.",
    "world.first_year": "First comparable year. Null: none.",
    "growth": "Compound growth of the world's total a year since `first_year`. Null: none.",
    "concentration.regions": "Number of regions with a value.",
    # complexity
    "complexity.regions.diversity": "Number of eligible sectors that the region holds. Null: it takes no part.",
    "mean_ubiquity": "Mean ubiquity of the sectors the region holds. Null: it takes no part, or holds nothing.",
    "eci": "Economic complexity index of the region: mean 0 and standard deviation 1 over the regions that take part. "
    "Null: it takes no part, or there is no index; `note` says why.",
    "eci_low": "5 % quantile of the index over draws from the posterior of RCA. Null: no draws (values, `--draws 0`), or no "
    "index.",
    "eci_high": "95 % quantile of the index over the draws. Null: as `eci_low`.",
    "eci_rank": "Rank of the index; 1 is the most complex, ties share the smallest. Null: no index.",
    "rank_low": "5 % quantile of the rank over the draws, rounded down: the better end. Null: as `eci_low`.",
    "rank_high": "95 % quantile of the rank over the draws, rounded up. Null: as `eci_low`.",
    "fitness": "Fitness of the region after Tacchella et al., mean 1; only its order means anything. Null: it takes no part.",
    "coi": "Complexity outlook index: density times complexity, added up over the sectors not held. Null: as `eci`.",
    "complexity.sectors.ubiquity": "Number of eligible regions that hold the sector. Null: it takes no part.",
    "pci": "Complexity index of the sector, on the scale of the regions' index: a region's is the mean of its sectors'. "
    "Null: the sector takes no part, or there is no index.",
    "pci_low": "5 % quantile of the index over the draws. Null: as `eci_low`.",
    "pci_high": "95 % quantile of the index over the draws. Null: as `eci_low`.",
    "pci_rank": "Rank of the index; 1 is the most complex, ties share the smallest. Null: no index.",
    "q": "Complexity of the sector in the fitness algorithm, mean 1. Null: it takes no part.",
    "prody": "Income of the regions that the sector weighs most in, in units of the income. Null: no `--income`, or nobody "
    "of known income has it.",
    # what complexity --with appends
    "complexity.regions.reflection": "Entry of the region after `--steps` reflections: after an even number a generalised "
    "diversity (higher is more complex), after an odd one a generalised ubiquity; only the order means anything. Null: it "
    "takes no part.",
    "complexity.sectors.reflection": "Entry of the sector after `--steps` reflections: after an even number a generalised "
    "ubiquity (lower is more complex), after an odd one a generalised diversity. Null: it takes no part.",
    "eci_projected": "Mean complexity, taken from `--outside-pci`, of the sectors the region holds, in the units of that file. "
    "Null: it takes no part, or holds no sector of known complexity.",
    "genepy": "Generalised economic complexity (GENEPY) after Sciarra et al., from 0; only for comparison within the table. "
    "Null: no part, a table in unconnected parts, or a second and third eigenvalue of one size; the metadata say which.",
    "coherence": "Mean proximity of two different sectors the region holds, in the range of the proximity. Null: it takes no "
    "part, or holds fewer than two.",
    "unrelated_variety": "Entropy of the region's values between the parents of the classification, in bits. Null: no parents, "
    "or too little is known of the region.",
    "related_variety": "Mean entropy within the parents, weighted by their shares, in bits; with `unrelated_variety` it adds up "
    "to `entropy`. Null: as `unrelated_variety`.",
    "expy": "Mean PRODY of what the region has, weighted by its shares, in units of the income. Null: sectors with a PRODY make "
    "up less than two thirds of it.",
    "complexity.regions.hhi": "Herfindahl-Hirschman index over the region's sectors, 1/n to 1. Null: fewer than two thirds of "
    "the sectors are known, or they add up to 0.",
    "hhi_normalised": "The same between 0 (all sectors equal) and 1 (one has everything). Null: as `hhi`.",
    "complexity.regions.effective_number": "Number of equal sectors that would be as concentrated, 1 / `hhi`. Null: as `hhi`.",
    "entropy": "Shannon entropy over the region's sectors, in bits. Null: as `hhi`.",
    "entropy_normalised": "Entropy over its largest possible value, 0 to 1; 1 is all sectors equal. Null: as `hhi`.",
    "gini": "Gini coefficient over the region's sectors, 0 to (n - 1)/n. Null: as `hhi`.",
    "specialisation_gini": "Gini coefficient of the region's location quotients, every sector the same weight; 0 is the "
    "structure of the reference. Null: as `hoover`, or a sector that the reference lacks.",
    "complexity.regions.hoover_gini": "Gini coefficient of the region's structure against the reference's, sectors by their size "
    "there, 0 to 1. Null: as `hoover`.",
    "complexity.regions.hoover": "Share of the region that would have to change sector to have the structure of the reference, "
    "0 to 1. Null: fewer than two thirds of the sectors are known for both, or either adds up to 0.",
    "krugman": "Krugman index, the sum of absolute differences to the shares of the reference, 0 to 2. Null: as `hoover`.",
    "finger_kreinin": "Part of the structure that is the same as the reference's, 0 to 1. Null: as `hoover`.",
    "hachman": "Hachman index, the inverse of the mean location quotient, 0 to 1; 1 is the structure of the reference. Null: as "
    "`hoover`.",
    "theil": "Theil index over the region's sectors, in nats, 0 to ln n. Null: as `hhi`.",
    "theil_between": "Part of the Theil index between the parents of the classification. Null: no parents, or as `hhi`.",
    "theil_within": "Part of the Theil index within the parents. Null: as `theil_between`.",
    "complexity.regions.entries": "Number of sectors the region holds and did not hold in the period before, of those that take "
    "part in "
    "both. Null: no period before, a break in the region's series, or it takes no part in both; the metadata say which.",
    "exits": "Number of sectors the region held in the period before and holds no more. Null: as `entries`.",
    "persistence_rate": "Share of the sectors held in the period before that the region still holds, 0 to 1. Null: as "
    "`entries`, or it held none.",
    "beta": "Slope of RSCA on that of the period before, over sectors: above 1 specialisation deepened, below 1 it flattened. "
    "Null: as `entries`, or too few sectors known in both.",
    "beta_over_r": "Spread of RSCA over that of the period before: above 1 the pattern became more pronounced. Null: as `beta`.",
    "rank_turnover": "1 - rank correlation of RCA with the period before, 0 (same order) to 2 (reversed). Null: as `beta`.",
    "complexity.sectors.hhi": "Herfindahl-Hirschman index of the sector over the regions of the table, 1/n to 1. Null: fewer "
    "than two thirds of the regions are known, or they add up to 0.",
    "complexity.sectors.effective_number": "Number of equal regions that would be as concentrated, 1 / `hhi`. Null: as `hhi`.",
    "locational_gini": "Gini coefficient of the sector's location quotients, every region the same weight; 0 is spread as "
    "everything is. Null: as `hhi`.",
    "complexity.sectors.hoover_gini": "Gini coefficient of the sector's spread against that of everything, regions by their "
    "size, 0 to 1. Null: as `hhi`.",
    "complexity.sectors.hoover": "Share of the sector that would have to move to be spread as everything is, 0 to 1. Null: as "
    "`hhi`.",
    "ellison_glaeser": "Concentration of the sector beyond that of its plants; 0 is as thrown at random, above 0.05 highly "
    "agglomerated. Null: no `--plants` of the sector, or a single one.",
    "presence": "Whether the region holds the sector, in the full table. Null: no index.",
    "density": "Relatedness density: the share of the sector's proximity that the region holds, 0 to 1. Null: the region or "
    "the sector takes no part.",
    "relative_density": "Density against the sectors the region does not hold, in standard deviations. Null: held, or no "
    "density.",
    "cells.distance": "1 - density. Null: as `density`.",
    "cog": "Complexity outlook gain: what holding the sector would add to the region's outlook, in units of PCI. Null: held, "
    "no density, or no index.",
    # relatedness
    "links.source": "Code of the first sector of a pair, in the order of codes; with `--to`, of the sector the link leads from.",
    "target": "Code of the second sector of a pair; with `--to`, of the sector the link leads to.",
    "to": "Id of the indicator whose sectors the links lead to.",
    "source_year": "Year of the presence of `source`; `year` is that of `target`. Null: the data have no years.",
    "proximity": "How closely the two sectors go together, from 0 (no region holds both); at most 1 except for association "
    "strength. Null: `note` says why.",
    "p_value": "Share of tables with the same diversities and ubiquities in which the two meet at least as often, one-sided. "
    "Null: not asked for, or a sector takes no part.",
    "q_value": "Smallest false discovery rate at which the link passes, over all pairs of the indicator and year. Null: as "
    "`p_value`.",
    "tree": "Whether the link belongs to the maximum spanning tree.",
    "nodes.label": "Name of the sector.",
    "nodes.parent": "Code of what the sector is a part of. Null: none.",
    "parent_label": "Name of what the sector is a part of. Null: none.",
    "nodes.ubiquity": "Number of regions that take part and hold the sector.",
    "world_total": "Total of the sector: the published one, else the sum of the known regions; in the indicator's unit. Null: "
    "unknown.",
    "nodes.world_share": "Share of the sector in the total of all sectors, 0 to 1. Null: unknown.",
    "nodes.pci": "Complexity index of the sector. Null: `note` says why.",
    "nodes.rca": "RCA of the region named. Null: no value or no base.",
    "held": "Whether the region holds the sector.",
    "step": "Number of the step; 0 is the strength the path starts from.",
    "path.proximity": "Proximity to the sector of the step before. Null: step 0.",
    "product": "Product of the proximities so far; 1 at step 0.",
    "profile.complexity.diversity": "Number of sectors in which the region has RCA at or above 1.",
    "profile.complexity.sectors": "Number of sectors with an index.",
    "profile.complexity.eci": "Economic complexity index. Null: not computed, or `note` says why.",
    "profile.complexity.eci_rank": "Rank of the index; 1 is the most complex. Null: as `eci`.",
    "profile.complexity.n": "Number of regions with an index. Null: not computed.",
    "profile.complexity.grade": "Grade of the backtest. Null: not computed, or none can be given.",
    # opportunities
    "density_low": "5 % quantile of the density over draws from the posterior of RCA. Null: no draws, or no density.",
    "density_high": "95 % quantile of the density over the draws. Null: as `density_low`.",
    "quadrant": "Where the sector lies among those the region does not hold. Null: held, no part, or no index.",
    "p_entry": "Probability that RCA exceeds 1 at the horizon and in the period after it, from the model of the backtest. "
    "Null: held, RCA above 0.5, no part, or too short a panel.",
    "p_entry_low": "5 % quantile of that probability over samples of regions. Null: as `p_entry`.",
    "p_entry_high": "95 % quantile of that probability over samples of regions. Null: as `p_entry`.",
    "grade": "Grade of the model in the backtest, `A` to `D`. Null: none can be given; the metadata say why.",
    "stepping_stones": "Codes joined by `>`: the path of highest product of proximities from a sector the region holds to "
    "this one. Null: held, or no path.",
    "path_product": "Product of the proximities along that path, 0 to 1. Null: as `stepping_stones`.",
    "world_growth": "Growth of the world's total in the sector a year, over the five years before or the nearest period. "
    "Null: no earlier period, or a total of 0.",
    "world_share": "Share of the region in the reference's total of the sector, 0 to 1. Null: no value or no base.",
    "depends_on": "Code of the region without which in the reference the class would be another. Null: none.",
    "held_by_peers": "Number of the region's peers that hold the sector.",
    "opportunities.peers": "Number of the region's peers in the table.",
    # backtest
    "scores.origin": "Year from which entries are foretold. Null: all origins together.",
    "scores.score": "What the candidates are ranked by.",
    "scores.kind": "`model`, `measure` or `baseline`; only a model is graded.",
    "candidates": "Number of candidates: RCA at most 0.5 at the origin and in the look-back, with a known outcome.",
    "scores.entries": "Number of candidates that entered.",
    "origins.entries": "Number of candidates that entered.",
    "base_rate": "Share of candidates that entered, 0 to 1: what chance would give as PR-AUC.",
    "roc_auc": "Area under the receiver operating characteristic, 0 to 1; 0.5 is chance. Null: nobody entered, or everybody.",
    "pr_auc": "Average precision, 0 to 1; `base_rate` is chance. Null: nobody entered.",
    "pr_auc_low": "Lower end of its 90 % interval over samples of regions. Null: single origins.",
    "pr_auc_high": "Upper end of that interval. Null: single origins.",
    "gain": "PR-AUC less that of the best baseline. Null: baselines, single origins.",
    "gain_low": "Lower end of the 90 % interval of the gain over samples of regions. Null: as `gain`.",
    "gain_high": "Upper end of that interval. Null: as `gain`.",
    "precision_at_10": "Share of entries among the ten highest of a region, its mean over regions with candidates; ties in "
    "expectation. Null: no candidates.",
    "lift_at_10": "The same over what chance would give. Null: nobody entered.",
    "brier": "Brier score of the probabilities. Null: the score is no probability.",
    "calibration_error": "Mean difference between foretold and observed shares over ten bins, weighted by their size. Null: the "
    "score is no probability.",
    "calibration.score": "Model whose probabilities are binned.",
    "bin": "Number of the bin, from the lowest probabilities.",
    "calibration.low": "Lowest probability in the bin.",
    "calibration.high": "Highest probability in the bin.",
    "calibration.n": "Number of candidates in the bin.",
    "predicted": "Mean probability in the bin.",
    "observed": "Share of the bin that entered.",
    "origins.origin": "Year from which entries are foretold.",
    "look_back": "Year before, in which RCA had to be at most 0.5 as well. Null: the panel starts at the origin.",
    "horizon": "Year in which entry is looked for.",
    "origins.persistence": "Year in which it must still hold.",
    "training": "What the models learnt from: `known_by_origin` or `same_years` (other regions). Null: no model.",
    # listings of a project
    "id": "Id of the indicator: the name of its file.",
    "unit": "Unit of the value, in words.",
    "direction": "1 if more is better, -1 if less is better.",
    "classification": "Code list of the sectors; `none` for indicators of whole regions.",
    "counting": "How co-owned items are counted, `whole` or `fractional`. Null: not declared.",
    "indicators.first_year": "First year with rows. Null: no rows, or data without years.",
    "indicators.last_year": "Last year with rows. Null: no rows, or data without years.",
    "indicators.periods": "Number of years with rows.",
    "indicators.regions": "Number of regions with rows, references and aggregates left out.",
    "indicators.sectors": "Number of sectors with rows, `_T` beside sectors of their own left out.",
    "observations": "Number of rows, those of references and aggregates among them.",
    "indicators.missing": "Number of rows without a value.",
    "reference": "Code of the published total. Null: none.",
    "source": "Title of the publication or data set.",
    # composite indices
    "index": "Id of the composite index: the name of its file.",
    "node": "Node of the index: the index itself, a pillar or an indicator, by its id in the index file.",
    "index.level": "Depth of the node: 0 is the index, and it rises to the indicators.",
    "index.score": "Score of the node: of an indicator on the scale of its normaliser, after outliers were treated; of "
    "others the mean of the nodes below. Null: `note` says why.",
    "index.rank": "Place among the scored regions of the year, 1 is the best, ties within 1e-9 share the smallest; of an "
    "indicator by its value before outliers were treated. Null: no score, or one that stands for no value.",
    "index.rank_low": "5 % quantile of the rank over the replicates: the better end. Null: not the index itself, no score, "
    "or no replicates.",
    "index.rank_high": "95 % quantile of the rank over the replicates. Null: as `rank_low`.",
    "index.n": "Number of regions with a score of the node. Null: none is known.",
    "index.group": "Letters of the region: regions that share one cannot be told apart, as neither is ahead in 95 % of the "
    "replicates. Null: not the index itself, no score, or too many groups to be named.",
    "profile.strengths.level": "Depth of the node, 1 for the pillars.",
    "profile.strengths.rank": "Place of the region in the node, 1 is the best.",
    "profile.strengths.n": "Number of regions with a score of the node, at least 20.",
    "profile.strengths.percentile": "Share of the other regions behind it in the node, 0 to 1.",
    "profile.strengths.rule": "What it stands out by: `own`, among its own best or worst places; `peers`, more than one "
    "standard deviation from the mean of its peers; `last`, the last place.",
    "profile.strengths.sense": "`strength` or `weakness`.",
    "index_pairs.other": "Code of the other region.",
    "index_pairs.difference": "Score of the region less that of the other.",
    "index_pairs.p_ahead": "Share of the replicates in which the region is strictly ahead of the other, 0 to 1. Null: no "
    "replicate ranks both.",
    "index_pairs.apart": "Whether one of them is ahead in 95 % of the replicates; the others cannot be told apart. Null: no "
    "replicate ranks both.",
    "index_gap.other": "Code of the other region.",
    "index_gap.parent": "Node that it is a part of. Null: the index itself.",
    "index_gap.level": "Depth of the node: 0 is the index, and it rises to the indicators.",
    "index_gap.difference": "What the node adds to the gap of the two scores, in points of the score: the nodes below one "
    "parent add up to it. Null: both lack the node, or the score above is no mean of those below.",
    "index_gap.share": "The same as a share of the gap; below 0 where it makes the gap smaller. Null: as `difference`, or no "
    "gap.",
    "coverage": "Share of the indicators at or below the node that have a value, 0 to 1.",
    "imputed_share": "Share of imputed ones among these values, 0 to 1: by `--impute`, or by the source (status I).",
    "robustness.group": "Letters of the region: regions that share one cannot be told apart, as neither is ahead in 95 % "
    "of the replicates. Null: no replicates, or too many groups to be named.",
    "alike": "Number of other regions from which it cannot be told apart: those that share a letter with it. Null: no "
    "replicates.",
    "robustness.rank": "Place in the index as it is defined, 1 is the best.",
    "rank_median": "Median of the rank over the replicates. Null: no replicates.",
    "robustness.rank_low": "5 % quantile of the rank over the replicates: the better end. Null: no replicates.",
    "robustness.rank_high": "95 % quantile of the rank over the replicates. Null: no replicates.",
    "mean_shift": "Mean distance of the rank in a replicate from `rank`, in places. Null: no replicates.",
    "p_top": "Share of the replicates with one of the first places, five unless `--places` says otherwise. Null: no "
    "replicates.",
    "weakest": "Pillar in which the region ranks last. Null: no pillar has a score.",
    "weakest_rank": "Its rank in that pillar. Null: as `weakest`.",
    "moved_by": "Choice that explains most of the variance of its rank: `normaliser`, `treatment`, `weights`, "
    "`aggregation` or `left_out`. Null: no replicates, or a rank that never varies.",
    "moved_share": "Share of the variance of its rank that this choice explains by itself, 0 to 1. Null: as `moved_by`.",
    "moved_to": "Option of that choice under which its rank is furthest from the mean over all. Null: as `moved_by`, or "
    "weights.",
    "shift": "Mean rank under that option less the mean over all, in places; above 0 is worse. Null: as `moved_to`.",
    "robustness.pairs.other": "Code of the other region.",
    "robustness.pairs.p_ahead": "Share of the replicates in which the region is strictly ahead of the other, 0 to 1. Null: no "
    "replicate ranks both.",
    "sobol.region": "Code of the region whose rank it is about; `all`: the mean over the regions of the distance from their "
    "rank in the index.",
    "sobol.factor": "Choice: `normaliser`, `treatment`, `indicator_weights` (of the indicators in their pillars), "
    "`node_weights` (of the pillars and what is above them), `aggregation` or `left_out`. Only those with more than one option.",
    "sobol.first": "Share of the variance of the rank (or of the mean shift) that the choice explains by itself: the first-order "
    "Sobol index. By chance an estimate may lie a little below 0. Null: nothing varies.",
    "sobol.first_low": "5 % quantile of `first` over resamples of the runs. Null: as `first`.",
    "sobol.first_high": "95 % quantile, likewise. Null: as `first`.",
    "sobol.total": "Share of that variance in which the choice has a part, alone or with others: the total Sobol index. Null: as "
    "`first`.",
    "sobol.total_low": "5 % quantile of `total` over resamples of the runs. Null: as `first`.",
    "sobol.total_high": "95 % quantile, likewise. Null: as `first`.",
    "sobol.runs": "How often the index was computed.",
    "sobol.failed": "Runs without a rank of the region (`all`: of any region); they are left out of the indices.",
    "availability.coverage": "Share of the indicators of the pillar, or of the index, that have a value, 0 to 1.",
    "kept": "Whether the region has enough indicators to be scored.",
    "flags.other": "Other indicator, or size, of the pair. Null: the flag is on one indicator.",
    "flag": "`mostly_equal`, `mostly_zero` (more than half), `zeros`, `collinear` (|correlation| > 0.9 in a pillar), "
    "`conflict` (correlation < -0.4 in a pillar) or `explained_by_size` (|correlation| with a size > 0.6).",
    "flag_value": "The share or correlation behind the flag.",
    "denomination.source_year": "Year of the figure, which may be before that of the index. Null: the data have no years.",
    "denomination.denominator": "Size the value is divided by. Null: it is not divided, or there is none.",
    "ratio": "Value divided by the size, the figure that enters the index. Null: `note` says why.",
    "denomination.value": "Observed value, added up over the sectors where no total is published. Null: there is none.",
    "denomination.status": "SDMX status letter of the row, of a sum `I` if any part is imputed. Null: a normal value.",
    "imputation.value": "Imputed figure, after division. Null: the score alone is imputed, or the gap is left; `note` says "
    "why.",
    "imputation.status": "`I`, imputed. Null: the gap is left.",
    "imputation.method": "How it was imputed: by the name of `--impute`, or `source`, by whoever published it. Null: the gap is "
    "left.",
    "imputation.source_year": "Year of the figure that was carried forward. Null: not carried forward.",
    "imputation.age": "Years by which it is older than the figures of the other regions. Null: not carried forward.",
    "pulled_low": "Value to which lower ones are pulled in. Null: no low value is.",
    "pulled_high": "Value to which higher ones are pulled in. Null: no high value is.",
    "normaliser": "How the indicator is put on a scale.",
    "frozen": "Whether the scale is that of the frozen file.",
    "scale.known": "Number of values that are observed, over all years.",
    "least": "Smallest treated value of those that set the scale.",
    "most": "Largest treated value of those that set the scale.",
    "scale.mean": "Mean of those values. Null: the normaliser takes none.",
    "scale.sd": "Standard deviation of those values, divisor n - 1. Null: the normaliser takes none.",
    "scale.target": "Target, or value of the leader, that others are measured by. Null: the normaliser takes none.",
    "scale.below": "Number of treated values below those that set the scale, or below the goalposts.",
    "scale.above": "Number of treated values above those that set the scale, or above the goalposts.",
    "weights.parent": "Node that it is a part of.",
    "weights.level": "Depth of the node, 1 for the pillars.",
    "weights.method": "How the nodes of its parent are weighted, as in the index file; `single` where there is one node.",
    "weight": "Weight among the nodes of its parent; only ratios count. With benefit of the doubt the mean of the regions' own "
    "weights, each region's scaled to add up to 1.",
    "weight_share": "Weight divided by the sum of the weights of its siblings and itself.",
    "effective_weight": "Weight of an indicator in the whole index: the product of the shares along its branch. Null: not an "
    "indicator.",
    "consistency_ratio": "Consistency ratio of the pairwise comparisons, 0 without contradiction; from 0.10 they are flagged. "
    "Null: other methods, or more than 15 nodes.",
    "xi": "Inconsistency of the best-worst answers, 0 = none. Null: other methods.",
    "explained_share": "Share of the variance that the principal components kept explain. Null: other methods.",
    "component": "Principal component that the node loads highest on, from 1. Null: other methods.",
    "weights.importance": "Correlation of the node with the arithmetic mean under these weights. Null: not weighted by "
    "correlations.",
    "weights.gap": "Largest difference of a share of the correlations from the importance wanted. Null: as `importance`.",
    "experts": "Number of experts who gave points to all nodes of the parent. Null: no budget of experts.",
    "weights.units": "Regions and years behind the weights. Null: they do not come from the data.",
    "weight_sd": "Standard deviation of the share over the experts, or over the regions' own weights. Null: other methods, or "
    "one expert.",
    "weight_low": "Smallest share that an expert gave, or that a region has. Null: other methods.",
    "weight_high": "Largest share that an expert gave, or that a region has. Null: other methods.",
    "own_weights.parent": "Node that it is a part of, which is weighted by benefit of the doubt.",
    "own_weights.weight": "What the score of the node is multiplied by for this region; the products add up to its score.",
    "own_weights.weight_share": "Weight divided by the sum of the region's weights. Null: a region with nothing but zeros.",
    "contribution_share": "Share of the product in the region's score, which `shares` bounds. Null: a score of 0.",
    "aggregation.level": "Depth of the node: 0 is the index.",
    "aggregation.mean": "How the nodes below are brought together, as in the index file.",
    "aggregation.scored": "Number of regions with a score of the node.",
    "renormalised": "Number of these that lack a node below, whose weight the others take.",
    "low_coverage": "Number of regions without a score of the node, as they have fewer of those below than `min_pillar` asks.",
    "aggregation.shift": "Constant that was added to make the scores positive, and taken off the mean again; 0 where none was "
    "needed.",
    "ranking": "`exact`: no ranking has more support; `local_search`: no move of one region gains any, but a better ranking is "
    "not ruled out. Null: not ranked by Kemeny's rule.",
    "aggregation.support": "Support of the ranking: sum of the weights for every pair in its order. Null: as `ranking`.",
    "rankings": "Number of rankings with that support; regions have their mean place over them. Null: as `ranking`, or not "
    "known.",
    "stand_in": "What the replicates of the Monte Carlo take in place of this mean. Null: the mean itself.",
    "strengths.level": "Depth of the node, 1 for the pillars.",
    "strengths.rank": "Place of the region in the node, 1 is the best; of an indicator by its value before outliers were "
    "treated.",
    "strengths.n": "Number of regions with a score of the node, at least 20.",
    "strengths.percentile": "Share of the other regions behind it in the node, 0 to 1.",
    "strengths.rule": "What it stands out by: `own`, among its own ten best or worst places (a quarter of its indicators where "
    "these are fewer than 40); `peers`, more than one standard deviation from the mean of its peers; `last`, the last place.",
    "strengths.sense": "`strength` or `weakness`.",
    "correlations.other": "Other node of the pair; of a node above, the node that is part of it.",
    "relation": "How the two are related: `sibling` (one parent), `above` (the other is its parent or further up) or `across` "
    "(the other is the parent of other indicators).",
    "correlations.rho": "Pearson correlation of the scores over all scored regions, -1 to 1. Null: one of them has no spread.",
    "correlations.n": "Number of regions and years behind it.",
    "correlations.flag": "`collinear` (|r| > 0.9) or `conflict` (r < -0.4) of siblings; `weak` (|r| < 0.3) or `conflict` with a "
    "node above; `elsewhere`, where an indicator goes with another node more than with its own. Null: none of them.",
    "item": "Indicator. Null: all of them together.",
    "items": "Number of indicators below the node.",
    "alpha.n": "Number of regions and years without a gap. Null: as `alpha`.",
    "alpha": "Standardised Cronbach alpha of the indicators below the node, at most 1. Null: a row of one indicator, or `note` "
    "says why there is none.",
    "mean_correlation": "Mean correlation of these indicators. Null: as `alpha`.",
    "alpha_dropped": "Alpha without the indicator. Null: a row of all of them, or two indicators.",
    "item_rest": "Correlation of the indicator with the sum of the others, each as z-scores. Null: a row of all of them.",
    "components.component": "Place of the principal component, 1 is the largest. Null: there are none; `note` says why.",
    "components.n": "Number of regions and years without a gap. Null: as `component`.",
    "eigenvalue": "Variance of the component, in indicators; they add up to the number of indicators. Null: as `component`.",
    "explained": "Share of the variance of the indicators that the component holds, 0 to 1. Null: as `component`.",
    "cumulative": "The same of this component and all larger ones. Null: as `component`.",
    "loading": "Correlation of the indicator with the component. Null: as `component`.",
    "contributions.parent": "Node that the indicator is a part of.",
    "contributions.score": "Score of the indicator.",
    "contribution": "What the indicator adds to the score of the index, in points: weight times score under arithmetic means, a "
    "share of the logarithm under geometric ones. Null: `note` says why.",
    "contributions.contribution_share": "The same as a share of the score. Null: as `contribution`, or a score of 0.",
    "beside_mean": "What the indicator adds to the distance of the score from that of a region with the mean score in every "
    "indicator. Null: `note` says why.",
    "importance.other": "Node whose score is looked at: the index, or a node with several below it.",
    "importance.n": "Number of regions and years behind it.",
    "importance.weight_share": "Weight of the node in that score, 0 to 1: of an indicator in the index the product along its "
    "branch.",
    "covariance_share": "Share of the variance of the score that goes with the node, w cov(y, score)/var(score): adds up to 1 "
    "under an arithmetic mean, below 0 where the node pulls against the score. Null: no spread.",
    "main_effect": "Share of the variance of the score on a smooth curve through it against the node, 0 to 1. Null: fewer than "
    "five different values, or no spread.",
    "pearson2": "Squared correlation of the node with the score, 0 to 1. Null: no spread.",
    "spearman2": "Squared rank correlation of the node with the score, 0 to 1. Null: no spread.",
    "gaps.other": "Code of the other region.",
    "gaps.parent": "Node that it is a part of. Null: the index itself.",
    "gaps.level": "Depth of the node: 0 is the index, and it rises to the indicators.",
    "gaps.difference": "What the node adds to the gap of the two scores, in points of the score: the nodes below one parent add "
    "up to it. Null: both lack the node, or the score above is no mean of those below.",
    "gaps.share": "The same as a share of the gap; below 0 where it makes the gap smaller. Null: as `difference`, or no gap.",
    "verdicts.step": "Number of the step, 1 to 10, that of its page among the methods.",
    "audit.step": "Number of the step, as in `verdicts`.",
    "topic": "Subject of the step.",
    "verdict": "`sound`, `look` (to be looked at and decided), `problem` (to be answered before publishing) or `not_checked` "
    "(nothing to judge by); a step has the worst of its checks.",
    "checks": "Number of checks of the step.",
    "looks": "Number of them with the verdict `look`.",
    "problems": "Number of them with the verdict `problem`.",
    "check": "What was checked.",
    "audit.node": "Node, or kind of mean, that the check is of. Null: the whole index.",
    "audit.other": "Other node, indicator or size. Null: the check is of one.",
    "audit.value": "Evidence: a share, count or correlation. Null: the check has no number.",
    "limit": "Threshold that the evidence is held against. Null: there is none.",
    "said": "Word behind the evidence, such as a method, or codes joined by `;`. Null: none.",
    "scenario": "Name of the scenario: its definition, or what `name=` gives it.",
    "scenarios.score": "Score of the index in the scenario, on the scale of the scenario. Null: not scored there.",
    "scenarios.rank": "Place in the scenario among all that it scores, 1 is the best. Null: not scored there.",
    "rank_nominal": "Place in the index as it is. Null: not scored there.",
    "rank_change": "Places lost in the scenario, among the regions that both score; below 0 is better. Null: not scored in both.",
    "scenarios.rank_low": "5 % quantile of the rank in the index over the replicates. Null: not scored there, or no replicates.",
    "scenarios.rank_high": "95 % quantile of the same. Null: as `rank_low`.",
    "scored": "Number of regions with a score.",
    "compared": "Number of regions with a score in the scenario and in the index; the comparison is among them.",
    "kendall": "Kendall's tau-b of the two orders, -1 to 1. Null: fewer than two regions, or no order.",
    "spearman": "Rank correlation of the two orders, -1 to 1. Null: as `kendall`.",
    "moved": "Number of regions whose place changes.",
    "moved_beyond": "Number of regions that move out of the range of their rank. Null: no replicates.",
    "largest_move": "Places lost by the region that moves most; below 0 is better. Null: nobody is compared.",
    "largest_region": "Code of that region. Null: nobody moves.",
    "key": "Name of the key, with a dot for a nested one.",
    "indicator.value": "What the key is set to, as text. Null: not set.",
    "null": "Number of rows without a value.",
    "share": "Cells with a value over all pairs of a region and a sector that the indicator has in any year, 0 to 1.",
    "statuses": "Status letters with their numbers of rows, such as `A:690;B:3`.",
    "indicators.coverage.regions": "Number of regions with rows.",
    "indicators.coverage.sectors": "Number of sectors with rows.",
    "indicators.coverage.year": "Year of the rows. Null: data without years.",
    "code": "Code in the list.",
    "label": "Name shown to readers. Null: the data use a code that the list lacks.",
    "parent": "Code of what it is a part of. Null: none.",
    "level": "Level in the hierarchy, such as `country` or `field`. Null: none.",
    "role": "`region`, `reference` (a published world total) or `aggregate`; only regions are measured.",
    "group": "Names of the groups it belongs to, joined by `;`. Null: none.",
    "indicators": "Ids of the indicators that have a value of it, joined by `;`. Null: none.",
    "config.value": "Value in force, as JSON writes it.",
    "origin": "Where the value came from: `flag`, `environment NAME`, the run file or `default`.",
    "meaning": "What the setting does.",
    # findings of check
    "findings.code": "Code of the check, such as `CM012`.",
    "severity": "`error` (exit code 3 or 4), `warning` or `note`.",
    "message": "What is the matter, with the offending value.",
    "file": "File it stands in. Null: not about one file.",
    "line": "Line of a text file (the header is 1), or row of a Parquet file or sheet. Null: not about one line.",
    "column": "Column of a table or key of a TOML file. Null: not about one column.",
    "findings.value": "The offending value as written. Null: none.",
    "fix": "What to do about it.",
    "count": "How many places the finding stands for.",
    # diff
    "diff.cells.measure": "Figure that is compared: `rca`, `intensity`, `eci`, `pci`, `density` or `score`.",
    "diff.cells.indicator": "Id of the indicator, or of the composite index.",
    "diff.cells.region": "Code of the region. Null: a measure of sectors alone.",
    "diff.cells.sector": "Code of the sector, or node of the composite index. Null: a measure of regions alone.",
    "diff.cells.year_before": "Period of the earlier figure: the same, or the last of the one side where the last of the other "
    "is compared with it. Null: data without years.",
    "diff.cells.year": "Period of the later figure. Null: data without years.",
    "diff.cells.change": "What differs, the weightiest first: `new`, `vanished`, `class`, `value` or `rank`.",
    "diff.cells.before": "Figure on the earlier side. Null: there is none.",
    "after": "Figure on the later side. Null: there is none.",
    "low_before": "Lower end of the range of the earlier figure. Null: it has none.",
    "high_before": "Upper end of the range of the earlier figure. Null: it has none.",
    "class_before": "Class, or quadrant, on the earlier side. Null: it has none.",
    "class_after": "Class, or quadrant, on the later side. Null: it has none.",
    "rank_before": "Rank on the earlier side. Null: it has none.",
    "rank_after": "Rank on the later side. Null: it has none.",
    "counts": "Whether the change is beyond the noise: another class, outside the earlier range, or without a range beyond the "
    "tolerance.",
    "headline": "`gained` or `lost` (an established specialisation), `first` or `not_first` (rank 1 beyond its range), in the "
    "last period. Null: no headline.",
    "cause": "What moved the figure: `data_revision`, `new_period`, `definitions`, `parameters` or `program_version`; several "
    "joined by `;` where they cannot be told apart. Null: not known, or none that counts.",
    "by_program_version": "Part of after - before by another version of capmap. Null: not a cause, or not told apart.",
    "by_data_revision": "Part by figures revised, added or gone in periods that were there. Null: as `by_program_version`.",
    "by_new_period": "Part by periods that were not there. Null: as `by_program_version`.",
    "by_definitions": "Part by other definitions or code lists. Null: as `by_program_version`.",
    "by_parameters": "Part by other settings. Null: as `by_program_version`.",
    "diff.regions.cells": "Number of figures of the region that differ.",
    "diff.regions.counting": "Number of them that count.",
    "diff.regions.classes": "Number of them whose class differs.",
    "diff.regions.headlines": "Number of headlines among them.",
    "diff.observations.year": "Period of the observations. Null: data without years.",
    "diff.observations.change": "`new`, `vanished` or `revised`.",
    "diff.observations.rows": "Number of observations.",
    "diff.observations.regions": "Number of regions that they are of.",
    "new_period": "Whether the period was not there before.",
    "diff.codes.list": "Which list: `regions`, `indicators`, or the name of a classification.",
    "diff.codes.change": "`new` or `vanished`.",
    "rule": "Name of the watch rule.",
    "diff.watch.sector": "Code of the sector. Null: a measure of regions alone.",
    "diff.watch.measure": "Figure that is watched.",
    "diff.watch.year_before": "Last period on the earlier side. Null: no figure, or data without years.",
    "diff.watch.year": "Last period on the later side. Null: no figure, or data without years.",
    "diff.watch.before": "Figure on the earlier side, as text. Null: none.",
    "diff.watch.after": "Figure on the later side, as text. Null: none.",
    "condition": "Condition of the rule, as it is written.",
    "now": "Whether the condition holds on the later side.",
    "crossed": "Whether it holds on one side only.",
    # the long form
    "section": "Table of the result that the row comes from.",
    "long.measure": "Column of that table.",
    "long.value": "The figure. Null: the row is a text, which stands in `note`.",
    "long.low": "Lower end of its range. Null: it has none.",
    "long.high": "Upper end of its range. Null: it has none.",
    "long.class": "Class of the cell. Null: not about a judged cell.",
    "long.note": "Reasons, or the text itself where the row is a text; of a pair in a composite index the other region. "
    "Null: nothing to say.",
    "long.indicator": "Id of the indicator, or of the composite index. Null: not about one.",
    "long.year": "Year of the figure. Null: not about one.",
    "long.region": "Code of the region. Null: not about one.",
    "long.sector": "Code of the sector, or node of the composite index. Null: not about one.",
    # explain
    "explain.answer.indicator": "Id of the indicator, or of the composite index.",
    "explain.answer.region": "Code of the region. Null: the measure is of a sector alone.",
    "explain.answer.sector": "Code of the sector, or the node of the index. Null: the measure is of a region alone.",
    "explain.answer.measure": "Name of the measure, the column of the command that prints it.",
    "explain.answer.value": "The number. Null: there is none, and `note` says why, or the answer is a word, in `text`.",
    "explain.answer.text": "The word, of measures such as `class`. Null: the answer is a number.",
    "explain.answer.expression": "Formula of the measure on the symbols of `steps` and `parameters`; `inputs` are the rows "
    "of the table of that name with the measure's symbol. Null: no arithmetic gives it, and `procedure` says what does.",
    "explain.answer.other": "Code of the other sector or region, of measures of a pair. Null: the measure is of no pair.",
    "explain.answer.meaning": "What the measure is, as on the page of the columns.",
    "explain.answer.sentence": "One sentence to quote, with its citation.",
    "explain.answer.arithmetic": "Formula, the same with the figures put in, and the result; or the steps of `procedure`.",
    "explain.answer.method": "Paper or handbook that the measure is from.",
    "explain.answer.citation": "Producer, title, table, edition and licence of the figures.",
    "explain.steps.step": "Place in the order of computation.",
    "explain.steps.symbol": "Name of the step in other expressions; `class_` is the class.",
    "explain.steps.expression": "Formula on the symbols of earlier steps and of parameters; `inputs` are the figures with "
    "this symbol.",
    "explain.steps.value": "What it comes to. Null: it is a word, in `text`, or there is none.",
    "explain.steps.text": "What it comes to, where that is a word. Null: it is a number.",
    "explain.steps.figures": "Number of figures in `inputs`. Null: the step has none of its own.",
    "explain.steps.digest": "SHA-256 of these figures as CSV, all columns but the symbol. Null: as `figures`.",
    "explain.inputs.symbol": "Step that the figure enters.",
    "explain.inputs.region": "Code of the region, as in the file. Null: the figure is of no region in particular.",
    "explain.inputs.sector": "Code of the sector, as in the file, or the node of an index. Null: the figure is of a region.",
    "explain.inputs.indicator": "Id of the indicator, or of the index.",
    "explain.inputs.value": "The figure.",
    "explain.inputs.factor": "What it is multiplied by in a sum, or its weight in a mean; -1 where it is taken off.",
    "explain.inputs.status": "SDMX status letter of the line. Null: a normal value, or a figure that is computed.",
    "explain.inputs.file": "File that the figure stands in. Null: it is computed itself.",
    "explain.inputs.line": "Line of the file (the header is 1), or row of a Parquet file or sheet. Null: as `file`.",
    "explain.inputs.sha256": "SHA-256 of the file. Null: as `file`.",
    "explain.parameters.parameter": "Name of the parameter, as expressions use it.",
    "explain.parameters.value": "Its value as text.",
    "explain.parameters.number": "Its value, where it is a number. Null: a word.",
    "explain.parameters.origin": "Where it comes from: `default`, a file, a flag, or how it was estimated.",
    "explain.treatment.treatment": "What was done to figures before they were measured.",
    "explain.treatment.detail": "The same in words.",
    "explain.treatment.figures": "Number of figures or codes concerned. Null: all of them.",
    "explain.sensitivity.outcome": "What would change: `class`, `rank` or `presence`.",
    "explain.sensitivity.direction": "`fall` or `rise` of the figure.",
    "explain.sensitivity.figure": "Symbol of the figure, the region's own in the latest year; all others stay.",
    "explain.sensitivity.now": "The figure as it is.",
    "explain.sensitivity.keeps": "Last figure at which the outcome is still the same. Null: nothing changes this way, or "
    "`changes` alone tells it.",
    "explain.sensitivity.changes": "First figure at which the outcome is another. Null: nothing changes this way, or any figure "
    "beyond `keeps` does.",
    "explain.sensitivity.is": "The outcome as it is.",
    "explain.sensitivity.becomes": "The outcome then. Null: nothing changes this way.",
    "explain.procedure.step": "Place in the order of what is done, for a measure that no arithmetic on a few figures gives.",
    "explain.procedure.said": "What is done; the last one is the command that does it again, with the table and column.",
    "explain.contributions.node": "Indicator of the index.",
    "explain.contributions.parent": "Node that it is a part of.",
    "explain.contributions.level": "Depth in the index, which is 0.",
    "explain.contributions.indicator": "Id of the indicator in the catalogue.",
    "explain.contributions.sector": "Sector of the indicator. Null: its total.",
    "explain.contributions.source_year": "Year of the figure.",
    "explain.contributions.value": "Figure as observed, added up over sectors where the total is wanted.",
    "explain.contributions.denominator": "Size that it is divided by. Null: it is not divided.",
    "explain.contributions.ratio": "Figure after the division.",
    "explain.contributions.imputed": "Whether the value is imputed.",
    "explain.contributions.treated": "Value after outliers were treated.",
    "explain.contributions.score": "Value on its scale.",
    "explain.contributions.weight_share": "Weight among the nodes of the same parent, as a share.",
    "explain.contributions.effective_weight": "Share in the node explained, over the siblings that have a score.",
    "explain.contributions.contribution": "Effective weight times score; they add up to the score. Null: a mean on the way "
    "is not arithmetic, so nothing adds up.",
    "explain.contributions.note": "Why there is no figure. Null: there is one.",
    # verify
    "differences.kind": "What is wrong: `version`, `input`, `definition`, `setting`, `manifest`, `parameter`, `file`, "
    "`table`, `row`, `cell`, `bytes` or `not_computed`.",
    "differences.file": "File of the results. Null: the results as a whole.",
    "differences.table": "Table in the file. Null: it has one, or the difference is in no table.",
    "differences.key": "What names the row, or the place in the metadata. Null: neither.",
    "differences.column": "Column of the cell. Null: it is about no cell.",
    "differences.stored": "What the results say. Null: nothing.",
    "differences.recomputed": "What was computed again. Null: nothing.",
}  # fmt: skip

CLASSES: dict[str, str] = {
    "established": "Specialised beyond reasonable doubt. Counts: P(RCA > threshold) >= 0.90 and at least 5 counted. "
    "Values: every year of a window of two or more is at or above the threshold.",
    "uncertain": "The data do not decide. Counts: neither established nor below, or less than 1 expected. Values: the "
    "years of the window disagree.",
    "below": "Not specialised beyond reasonable doubt. Counts: P(RCA > threshold) <= 0.10. Values: every year of the "
    "window is below the threshold.",
    "none": "A true zero where at least 5 were expected.",
    "indicated": "Values of one period at or above the threshold: nothing tells how stable that is.",
}

BANDS: dict[str, str] = {
    "slight": "From the threshold (1) to the material index (1.25); counted, not listed. Empty where the threshold is "
    "the higher one.",
    "moderate": "From the material index (1.25), or the threshold where that is higher, to 2.",
    "high": "From 2 to 4.",
    "very_high": "4 and more.",
}

TRAJECTORIES: dict[str, str] = {
    "lasting": "Materially specialised in all of the last three periods.",
    "recent": "Materially specialised now, but not in all of the last three periods.",
    "lost": "Materially specialised in one of the last three periods, and now not, with probability 0.90.",
    "unclear": "Materially specialised in one of the last three periods; whether now is uncertain.",
    "never": "Not materially specialised in any of them.",
}

LISTINGS: dict[str, str] = {
    "specialised": "Established (or indicated) and material, in all of the last three periods or without three to "
    "look at.",
    "new": "Established and material now, but not in all of the last three periods: unconfirmed.",
    "lost": "Materially specialised in one of the last three periods, and now all but certainly not (probability "
    "0.90).",
    "large": "Among the five largest regions (of a small table, in its first third), yet not specialised: size, not "
    "focus.",
    "slight": "Established, but the index lies between the threshold and the material one.",
    "uncertain": "The data do not decide.",
    "not_specialised": "Not specialised, and not large.",
    "no_index": "No value or no base, so no index.",
}

NOTES: dict[str, str] = {
    "few_in_group": "Fewer of the indicators of a pillar than `min_pillar` asks for, so the region is not scored.",
    "few_indicators": "Fewer of all indicators than `min_coverage` asks for, so the region is not scored.",
    "few_values": "Fewer than four values, so outliers were not looked for.",
    "imputed": "The value is imputed.",
    "low_coverage": "Fewer of the nodes below have a score than `min_pillar` of the index asks for.",
    "renormalised": "Some of the nodes below have no score, and the others take their weight.",
    "no_own_weights": "The node is weighted by benefit of the doubt within bounds, and the region lacks a node below it.",
    "over_half": "More than half of the weight among its siblings.",
    "inconsistent": "The comparisons behind the weight contradict each other: a consistency ratio of 0.10 or more.",
    "absent_row": "The data have no row; it counts as zero or missing by the indicator's `absent_rows`.",
    "below_floor": "Too little is expected (less than `min_expected`) or the denominator is too small: the figure is "
    "in files only, or withheld, and not judged.",
    "break": "The series is broken (status B) within the last three periods: change is not judged.",
    "constant": "The column has no spread, so the method does not exist for it.",
    "depends_on": "The class changes when the region named after the colon leaves the reference.",
    "fewer_than_three_periods": "Too few periods to call anything lasting.",
    "missing": "No value: collected but not available.",
    "no_base": "Nothing to divide by: the region or the sector has a total, denominator or median of zero.",
    "no_common_year": "The regions have no year in common.",
    "no_data_in_year": "The indicator has no value in the year asked for.",
    "no_denominator": "The project does not hold the size to divide by.",
    "no_firm_data": "The question needs data of firms, which the project does not hold.",
    "no_such_sector": "The classification of the indicator does not have this sector.",
    "no_variance_beyond_chance": "The counts of the table vary no more than chance would make them: nothing can be "
    "told apart.",
    "none_established": "No specialisation is established.",
    "none_lasting": "No specialisation has held for three periods.",
    "not_applicable": "The value cannot exist (status M).",
    "few_complete": "Fewer than three regions without a gap.",
    "newly_scored": "The scenario scores the region and the index does not.",
    "no_bound": "The indicators add up to the same for every region, so alpha has no bound.",
    "not_decomposable": "The score of a node above is no mean of the scores below it that could be taken apart.",
    "not_scored": "The scenario does not score the region.",
    "one_indicator": "The node has one indicator, which has nothing to agree with.",
    "tied": "The place is shared with other regions.",
    "not_collected": "There are no rows of the region: of the indicator, or of any indicator of the composite index.",
    "not_in_group": "The composite index scores a group of regions that this one is not in.",
    "one_period": "A value of one period only: no range, and the class is at best indicated.",
    "partial_base": "Some sectors of the region are unknown: its totals and the world's are taken over the known ones.",
    "thin_reference": "The reference is a few regions that hold fewer than 100 of this sector (in units of the "
    "dispersion), so its own share is too uncertain for a class.",
    "partial_world": "The world is the sum of regions and some of them are unknown in this sector; above 5 % of the "
    "world the class is uncertain.",
    "refused": "The method does not hold for these data; the metadata say why.",
    "rest_below_zero": "The regions add up to more than the published world, so there is no rest.",
    "rest_of_world_between": "The rest of the world is of unknown structure, so the index lies between two bounds.",
    "score": "A score has no zero, so its ratios mean nothing.",
    "sole_producer": "Nobody else has the sector, so the region cannot be compared with the others.",
    "suppressed": "The value is confidential (status Q).",
    "eigengap": "The second and third eigenvalues are too close to tell their eigenvectors apart; computed by force, or not at "
    "all.",
    "chance_dimension": "Tables of chance with the same diversities and ubiquities have as clear a second dimension (p above "
    "0.05 in 39 draws): read no order into the index.",
    "disconnected": "The table falls into parts that share no sector: there is no common scale.",
    "equal_diversity": "All regions hold equally many sectors: which end of the scale is complex cannot be told.",
    "few_regions": "Fewer regions hold the sector than `min_regions`, so it takes no part.",
    "held": "The region holds the sector already.",
    "largest_component": "Only the largest of several unconnected parts of the table is computed.",
    "near_threshold": "RCA is above 0.5: too close to 1 to be an entry in the sense of the backtest.",
    "not_candidate": "RCA was above 0.5 in the period before, or is not known: no entry in the sense of the backtest.",
    "no_correlation": "Fewer than 3 regions are known for both sectors, or one sector is the same in all.",
    "not_in_both": "The region has no rows in one of the two indicators.",
    "no_population": "The population of the region is unknown, so it holds nothing per head.",
    "no_reference": "The region has nothing to be compared with, so it holds nothing.",
    "no_presence": "It holds nothing, or nobody holds it, so it takes no part.",
    "no_rca": "No value or no base, so no index and no presence.",
    "no_second_dimension": "The second eigenvalue is 0: the table has no second dimension.",
    "no_total": "The region has no total, so it takes no part.",
    "other_component": "Outside the part of the table that is computed.",
    "outside_range": "The index or rank lies outside its own range: an index owes its place to counts that hardly reach the "
    "threshold, a rank to choices that few of the alternatives share.",
    "previous_sign": "Diversity does not settle the sign, so that of the period before is kept.",
    "region_excluded": "The region takes no part; the table `regions` says why.",
    "sector_excluded": "The sector takes no part; the table `sectors` says why.",
    "small_population": "Fewer inhabitants than `min_population`, so the region takes no part.",
    "small_total": "A smaller share of the world than `min_share`, so the region takes no part.",
    "too_few": "Fewer than two regions or two sectors hold anything.",
    "weak_sign": "Diversity hardly settles which end of the scale is complex.",
    "score_only": "The score is the mean of the pillar, so there is no value and no rank of the indicator.",
    "no_data": "Nothing is known of the indicator, or of the region in any year, so nothing is imputed.",
    "no_unit_data": "Nothing is known of the region, so nothing is imputed.",
    "no_group": "The region has no group to take the mean of.",
    "no_group_data": "Nobody in the group, or nothing in the pillar, has a value to take the mean of.",
    "no_earlier": "There is no earlier figure to carry forward.",
    "too_old": "The last figure is older than may be carried forward.",
    "outside_span": "No figure lies on one side of the year, so none is interpolated.",
    "treatment_failed": "Neither winsorising nor logarithms cured the outliers, so the values are as they were.",
}

QUADRANTS: dict[str, str] = {
    "close_complex": "Close and more complex: in the upper half by density and by complexity.",
    "close_simple": "Close and less complex.",
    "far_complex": "Far and more complex.",
    "far_simple": "Far and less complex.",
}

GRADES: dict[str, str] = {
    "A": "Better than every baseline with certainty, probabilities calibrated within 0.05, and 100 entries or more.",
    "B": "Better than every baseline: the lower 90 % bound of the gain is above 0.",
    "C": "Better than every baseline, but not certainly.",
    "D": "Not better than the best baseline.",
}

CLAUSES: dict[str, str] = {
    "lasting": "A lasting, established and material specialisation.",
    "none_lasting": "There is none, and `note` says why.",
    "specialised": "Specialised now; whether it lasts is not known.",
    "large": "Large in the world, but not specialised.",
    "new": "A new specialisation, not confirmed by three periods.",
    "lost": "A specialisation that is all but certainly gone.",
    "leader": "One of the three largest regions of a sector.",
    "world": "Total of the world in the sector.",
    "concentration": "Concentration of the sector over regions.",
    "world_jump": "The world's total moved by a quarter or more since the period before.",
    "intensity": "An intensity with its rank.",
    "year": "Year of an indicator.",
    "dominant": "A region that decides the reference on its own, and how many indices cross 1 without it.",
    "break": "A break in the series.",
    "low_reliability": "Figures of low reliability.",
    "difference": "One of the clearest differences between two regions.",
    "common": "A field in which all compared regions are specialised.",
    "differing": "Number of fields in which an order is resolved.",
    "not_judged": "How many fields have no known range in some region, so that no order can be judged.",
    "too_close": "Number of fields in which nothing can be told apart.",
    "nobody": "Number of fields in which no compared region is specialised, and none is uncertain.",
    "fields": "Number of fields compared.",
}

#: Columns of an observation file.
INPUT: dict[str, str] = {
    "region": "Code of a country or a part of one. A published total of the world is a region of role `reference`.",
    "sector": "Code of a product, industry, technology or scientific field; `_T` for a total. May be absent where the "
    "indicator is of whole regions.",
    "indicator": "Id of the indicator. May be absent where the run file names the only one, and with `--data`.",
    "year": "Calendar year, four digits. May be absent: then the data have one period.",
    "value": "A number without thousands separators. 0 is a true zero; empty means no value, and `status` says why.",
    "status": "SDMX letter; empty for a normal value.",
}

FORMATS: dict[str, str] = {
    "table": "Drawn for the screen: rounded, in the width of the terminal. The default on a terminal.",
    "csv": "RFC 4180 in UTF-8, full precision. The default when piped. Metadata go into `FILE.meta.json`.",
    "tsv": "As csv, with tabs.",
    "json": "One object: `meta` and `rows`, or `meta` and `tables` where a result has several.",
    "ndjson": "One JSON object a row. Metadata go into `FILE.meta.json`.",
    "md": "Tables of GitHub-flavoured Markdown.",
    "parquet": "Apache Parquet; metadata under the key `capmap`. Needs a file.",
    "xlsx": "A workbook with a sheet per table and one for the metadata. Needs a file and the extra `capmap[excel]`.",
}

ENVIRONMENT: dict[str, str] = {
    "CAPMAP_SECTION_KEY": "Any setting of the run file, such as `CAPMAP_SPECIALISATION_THRESHOLD=1.25`; lists are "
    "separated by commas. Wins over the run file; a flag wins over it. An empty variable counts as unset.",
    "COLUMNS": "Width of tables, where the terminal does not say it.",
    "NO_COLOR": "Set to anything: no colour. Every colour has a word or a mark beside it.",
}


def meaning(column: str, table: str = "", command: str = "") -> str:
    """What a column means in a table of a command's result.

    Raises
    ------
    KeyError : no meaning is written down.

    Examples
    --------
    >>> meaning("method"), meaning("n") == meaning("n", "treatment")
    ('Name of the normalisation.', False)
    """
    return COLUMNS[known(column, table, command)]


def known(column: str, table: str = "", command: str = "") -> str:
    """Key of COLUMNS that holds the meaning of a column, the most special one first."""
    keys = (f"{command}.{table}.{column}", f"{table}.{column}", column)
    return next((key for key in keys if key in COLUMNS), column)
