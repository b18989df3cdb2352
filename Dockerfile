# The service of the light distribution: docs/server.md.  Under 400 MB; nothing is downloaded at run time.
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN SALIENCY_JPEG_DISTRIBUTION=lite pip wheel --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(ls /wheels/saliency_jpeg_lite-*.whl)[serve]"
USER nobody
EXPOSE 8080
HEALTHCHECK --start-period=10s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/health')"]
ENTRYPOINT ["saliency-jpeg", "serve", "--host", "0.0.0.0"]
