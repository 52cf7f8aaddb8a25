"""Composite indices step by step; `capmap.analyses.index` is the way in."""
