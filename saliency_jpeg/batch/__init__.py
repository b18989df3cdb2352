"""Many images: a pipeline of threads, the plan which file is written where, and the record of what is done.

May import ``options``, ``saliency`` and the rooms below, but no encoder: the encoder is passed in.
"""
