"""The systems, one a file, each with its objective and reference."""

from tinygen.models.autoencoder import Autoencoder
from tinygen.models.autoencoder_nets import (
    contractive_autoencoder,
    conv_autoencoder,
    deep_contractive_autoencoder,
    dense_autoencoder,
    linear_autoencoder,
    tied_autoencoder,
)
from tinygen.models.bernoulli_mixture import BernoulliMixture
from tinygen.models.classifier import Classifier, dense_classifier
from tinygen.models.codes import gaussian_of_codes, sample_codes
from tinygen.models.collapse import DeadUnits, warn_of_dead_units
from tinygen.models.conditional_vae import ConditionalVAE, dense_conditional_vae
from tinygen.models.contractive import SigmoidEncoder
from tinygen.models.corruption import GaussianNoise, Masking, SaltAndPepper
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.cycle_gan_nets import conv_cycle_gan
from tinygen.models.dcgan import DCGAN, dcgan
from tinygen.models.dcgan_features import discriminator_features, feature_statistics
from tinygen.models.debiasing_nets import conv_debiasing_vae, dense_debiasing_vae
from tinygen.models.debiasing_vae import DebiasingVAE
from tinygen.models.deep_contractive import code_and_norm
from tinygen.models.deep_tied import DeepTiedAutoencoder
from tinygen.models.factor_vae import FactorVAE, factor_vae
from tinygen.models.feature_matching import FeatureMatching
from tinygen.models.features import encoder_net
from tinygen.models.fvbn import FullyVisibleBeliefNet
from tinygen.models.gan import GAN
from tinygen.models.gan_nets import (
    dense_discriminator,
    dense_generator,
    maxout_discriminator,
)
from tinygen.models.gated_pixelcnn import GatedPixelCNN
from tinygen.models.gaussian_mixture import GaussianMixture
from tinygen.models.interpolation import slerp
from tinygen.models.local_model import LocalModel, conv_local_model
from tinygen.models.lstm_density import LSTMDensity
from tinygen.models.m1_m2 import M1M2
from tinygen.models.made import MADE
from tinygen.models.nade import NADE
from tinygen.models.outlier_exposure import OutlierExposure, beside
from tinygen.models.outlier_scores import (
    likelihood_ratio,
    mutate,
    negative_elbo,
    negative_log_prob,
    reconstruction_error,
)
from tinygen.models.pca import pca_autoencoder
from tinygen.models.penalties import R1, GradientPenalty
from tinygen.models.pixel_rnn import PixelRNN
from tinygen.models.pixelcnn import PixelCNN
from tinygen.models.pixelcnn_nets import picture_prompt
from tinygen.models.priors import MixturePrior, StandardNormal
from tinygen.models.progressive_gan import ProgressiveGAN, progressive_gan
from tinygen.models.resampling import debiasing_order, resampling_weights
from tinygen.models.semi_supervised_vae import SemiSupervisedVAE, dense_semi_supervised_vae
from tinygen.models.srcnn import SRCNN
from tinygen.models.tc_vae import TCVAE, tc_vae
from tinygen.models.tied import TiedAutoencoder
from tinygen.models.unrolled_gan import UnrolledGAN
from tinygen.models.vae import VAE, conv_vae, dense_vae
from tinygen.models.vae_gan import VAEGAN
from tinygen.models.vae_gan_nets import conv_vae_gan, dense_vae_gan

__all__ = [
    "DCGAN",
    "GAN",
    "M1M2",
    "MADE",
    "NADE",
    "R1",
    "SRCNN",
    "TCVAE",
    "VAE",
    "VAEGAN",
    "Autoencoder",
    "BernoulliMixture",
    "Classifier",
    "ConditionalVAE",
    "CycleGAN",
    "DeadUnits",
    "DebiasingVAE",
    "DeepTiedAutoencoder",
    "FactorVAE",
    "FeatureMatching",
    "FullyVisibleBeliefNet",
    "GatedPixelCNN",
    "GaussianMixture",
    "GaussianNoise",
    "GradientPenalty",
    "LSTMDensity",
    "LocalModel",
    "Masking",
    "MixturePrior",
    "OutlierExposure",
    "PixelCNN",
    "PixelRNN",
    "ProgressiveGAN",
    "SaltAndPepper",
    "SemiSupervisedVAE",
    "SigmoidEncoder",
    "StandardNormal",
    "TiedAutoencoder",
    "UnrolledGAN",
    "beside",
    "code_and_norm",
    "contractive_autoencoder",
    "conv_autoencoder",
    "conv_cycle_gan",
    "conv_debiasing_vae",
    "conv_local_model",
    "conv_vae",
    "conv_vae_gan",
    "dcgan",
    "debiasing_order",
    "deep_contractive_autoencoder",
    "dense_autoencoder",
    "dense_classifier",
    "dense_conditional_vae",
    "dense_debiasing_vae",
    "dense_discriminator",
    "dense_generator",
    "dense_semi_supervised_vae",
    "dense_vae",
    "dense_vae_gan",
    "discriminator_features",
    "encoder_net",
    "factor_vae",
    "feature_statistics",
    "gaussian_of_codes",
    "likelihood_ratio",
    "linear_autoencoder",
    "maxout_discriminator",
    "mutate",
    "negative_elbo",
    "negative_log_prob",
    "pca_autoencoder",
    "picture_prompt",
    "progressive_gan",
    "reconstruction_error",
    "resampling_weights",
    "sample_codes",
    "slerp",
    "tc_vae",
    "tied_autoencoder",
    "warn_of_dead_units",
]
