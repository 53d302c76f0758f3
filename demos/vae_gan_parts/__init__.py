"""Parts of the demo of VAE-GAN."""
