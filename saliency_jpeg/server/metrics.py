"""Counts of the service, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counts of one application.

    Args:
        admitted: returns how many pictures are worked on or wait.
    """

    def __init__(self, admitted: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        prefix = {"namespace": "saliency_jpeg", "registry": self._registry}
        self._requests = Counter("requests", "Requests by route and status", ["route", "status"], **prefix)
        self._seconds = Histogram("request_seconds", "Time of a request", ["route"], buckets=_SECONDS, **prefix)
        self._bytes_in = Counter("bytes_in", "Bytes of pictures that were encoded", **prefix)
        self._bytes_out = Counter("bytes_out", "Bytes of the files made of them", **prefix)
        Gauge("admitted", "Pictures that are worked on or wait", **prefix).set_function(admitted)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Counts a request that was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def encoded(self, bytes_in: int, bytes_out: int) -> None:
        """Counts a picture that was encoded."""
        self._bytes_in.inc(bytes_in)
        self._bytes_out.inc(bytes_out)

    def text(self) -> bytes:
        """Returns all counts in Prometheus' text format."""
        return bytes(generate_latest(self._registry))
