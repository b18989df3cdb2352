"""``saliency-jpeg serve``: a small HTTP service, and a page to try it in.

``settings`` holds what an operator says, ``request`` what a client asks for, ``signing`` checks signed URLs,
``sources`` reads the pictures that they name, ``work`` encodes in a bounded pool of threads, ``metrics`` counts,
``app`` is the ASGI application. Needs the extra ``serve``: Starlette, uvicorn, httpx and prometheus-client. May import
every room below it; only ``cli`` may import it.
"""
