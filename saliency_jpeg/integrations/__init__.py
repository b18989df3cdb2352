"""Front doors: other libraries' ways to write a JPEG file, and to read one, with this library behind them.

Import a door by its own name; importing the package loads none of them. A door accepts the keywords or flags of the
call it replaces, plus the fields of :class:`saliency_jpeg.Options`, and writes what that call would have written: same
size, colour mode, chroma subsampling and metadata. A keyword that is not given has the replaced call's default. A
keyword that cannot be honoured raises ``OptionError``; none is ignored.

==============  ===========  ==================================================================================
Module          Extra        Replaces
==============  ===========  ==================================================================================
``pillow``      none         Pillow's ``image.save(...)``, by format name or for every file; ``Image.open`` by name
``opencv``      none         ``cv2.imencode``, ``imwrite``, their ``WithMetadata`` variants; ``imdecode``, ``imread``
``tensorflow``  none         ``tf.io.encode_jpeg`` and ``decode_jpeg``, eagerly and inside ``tf.data``
``torch``       none         ``torchvision.io.encode_jpeg``, for any tensor that supports DLPack
``imageio``     imageio      ``imageio.v3.imwrite`` and, through it, ``skimage.io.imsave``
``batch``       dask, spark  a per-row function over a pandas, pyarrow, Dask or Spark table of images
``django``      django       Django's file storage: JPEG uploads are stored smaller
``ray``         ray          a Ray Data job over a folder or a Parquet table of images
``scrapy``      scrapy       Scrapy's ``ImagesPipeline``
``thumbor``     thumbor      a thumbor optimizer that honours ``max_bytes``
``willow``      willow       a Willow optimizer, and through it Wagtail's renditions
==============  ===========  ==================================================================================

A door that imports a package which is not installed with this one has an extra. CONTRIBUTING.md says what else a new
door needs; ``tests/test_integrations.py`` fails until it is there.

This room may import every room below it; only ``cli`` may import it.
"""

from __future__ import annotations
