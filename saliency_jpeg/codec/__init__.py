"""Coefficients to a JPEG file: tables, levels, symbol costs, scans; and the compiled core ``_core``.

It may import metadata and errors. It knows nothing of saliency, images and metrics.
"""
