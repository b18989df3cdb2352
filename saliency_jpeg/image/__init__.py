"""Loads images of every kind as 8-bit pixels with metadata; rotates and scales pixels; fills boxes.

It may import :mod:`saliency_jpeg.metadata` and errors.
"""
