"""Django's settings for the tests of its door, and of Willow's, which reads them where Django is installed."""

from __future__ import annotations

import importlib.util


def configure() -> None:
    if importlib.util.find_spec("django") is None:
        return
    from django.conf import settings

    if not settings.configured:
        settings.configure(WILLOW_OPTIMIZERS=["saliency-jpeg"])
