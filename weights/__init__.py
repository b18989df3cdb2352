"""Weights and presets that ship with the library; data only, read by ``saliency_jpeg.saliency.presets``."""
