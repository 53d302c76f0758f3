"""Likelihoods p(x | params): nll and its pullback, sample, mean."""
