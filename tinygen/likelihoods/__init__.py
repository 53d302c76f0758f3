"""Distributions of the data given a decoder's output: nll with its pullback, sample, mean."""

from tinygen.likelihoods.base import Likelihood
from tinygen.likelihoods.bernoulli import Bernoulli
from tinygen.likelihoods.gaussian import Gaussian

__all__ = ["Bernoulli", "Gaussian", "Likelihood"]
