"""Signatures of URLs, as imgproxy makes them: HMAC-SHA256 of salt and path, in URL-safe Base64 without padding."""

from __future__ import annotations

import base64
import hashlib
import hmac

__all__ = ["is_signed", "sign"]


def sign(path: str, key: bytes, salt: bytes) -> str:
    """Returns the signature of a path.

    Args:
        path: what follows the signature in the URL, from its slash on, as it is sent.
        key: secret.
        salt: secret too.
    """
    digest = hmac.new(key, salt + path.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_signed(path: str, signature: str, key: bytes, salt: bytes) -> bool:
    """Returns whether a signature is that of a path; false where there is no key."""
    return bool(key) and hmac.compare_digest(sign(path, key, salt).encode(), signature.encode())
