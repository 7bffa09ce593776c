"""Image generators under DP-SGD: an opening of moments, DP diffusion on diffusers' U-Net, and a DP-GAN."""
