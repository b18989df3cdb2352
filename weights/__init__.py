"""Weights and presets that ship with the library: data files only, read by ``saliency_jpeg.saliency.presets``."""
