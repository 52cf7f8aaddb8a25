"""Where numbers come from, by measure; `capmap.analyses.explain` is the way in."""
