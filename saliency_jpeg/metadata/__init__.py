"""What travels with the pixels: EXIF, ICC, XMP, comments, trailing images, and the segments that hold them.

It may import errors. It works on the bytes of files and on what Pillow holds; only :mod:`.refresh` looks at pixels.
"""
