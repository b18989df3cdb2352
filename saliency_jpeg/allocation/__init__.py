"""How much an error in each block matters: what saliency says of it times what visual masking says.

It may import :mod:`saliency_jpeg.codec` and what lies below.
"""
