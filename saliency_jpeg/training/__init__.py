"""Heads of one's own from images and masks.

It may import saliency, evaluation and what lies below; nothing but the command line imports it.
"""
