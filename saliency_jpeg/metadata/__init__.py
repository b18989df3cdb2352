"""What travels with the pixels: EXIF, ICC, XMP, comments, further images, and the segments that hold them.

It works on bytes alone and may import :mod:`saliency_jpeg.errors`.
"""
