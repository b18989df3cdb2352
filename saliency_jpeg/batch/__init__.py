"""Many images: threads for them, which output belongs to which input, and what is done already.

What is done with each image is passed in; it may import options, saliency and what lies below, but no encoder.
"""
