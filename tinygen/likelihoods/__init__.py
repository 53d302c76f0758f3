"""Distributions of the data given a decoder's output: nll with its pullback, sample, mean."""

from tinygen.likelihoods.base import Likelihood
from tinygen.likelihoods.bernoulli import Bernoulli
from tinygen.likelihoods.categorical import Categorical
from tinygen.likelihoods.gaussian import Gaussian
from tinygen.likelihoods.logistic_mixture import LogisticMixture
from tinygen.likelihoods.mixture_density import MixtureDensity

__all__ = [
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Likelihood",
    "LogisticMixture",
    "MixtureDensity",
]
