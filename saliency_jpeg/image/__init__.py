"""Whatever a caller calls an image becomes 8-bit pixels with metadata; turning and scaling of pixels.

It may import :mod:`saliency_jpeg.metadata` and errors.
"""
