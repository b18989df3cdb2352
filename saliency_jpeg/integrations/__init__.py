"""Front doors: the calls of other libraries, with this encoder behind them.

Each module is a thin translation and is imported by its own name; none is imported with the package. A door takes the
keywords or flags of the call that it stands in for, plus the fields of :class:`saliency_jpeg.Options`, and writes what
the original would have written: same size, mode, sampling and metadata. Where a keyword is absent, the original's
default holds. A keyword that cannot be honoured is an ``OptionError``; none is dropped.

==============  ======================================================================================
``pillow``      ``image.save(..., format="SALIENCY_JPEG")``; ``install()`` to take over ``"JPEG"``
``opencv``      ``imencode``, ``imwrite``, ``imencodeWithMetadata`` with their flag lists
``tensorflow``  ``encode_jpeg`` as ``tf.io.encode_jpeg``, inside ``tf.data`` too
``torch``       ``encode_jpeg`` as ``torchvision.io.encode_jpeg``, for all that speaks DLPack
``imageio``     a plugin for ``imageio.v3.imwrite``, and through it ``skimage.io.imsave``
``batch``       a callable on tables of images, for Dask and Spark
``django``      a storage that makes uploads smaller
``ray``         a folder or a table on the processors and GPUs of a cluster
``scrapy``      an image pipeline
``thumbor``     an optimizer that honours ``max_bytes``
``willow``      an optimizer for Willow and Wagtail
==============  ======================================================================================
"""

from __future__ import annotations
