"""Which scale of the tables meets a file size or a score.

It may import :mod:`saliency_jpeg.codec`, :mod:`saliency_jpeg.metrics` and what lies below.
"""
