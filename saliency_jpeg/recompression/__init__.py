"""JPEG in, JPEG out, on the coefficients of the file.

It may import :mod:`saliency_jpeg.options` and the rooms below it, but not the encoder.
"""
