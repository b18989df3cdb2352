"""Coefficients to a JPEG file: tables, levels, symbol costs, scans.

It knows nothing of saliency; it may import the compiled core, metadata segments and errors.
"""
