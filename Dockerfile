# Build: docker build -t nextbest .    Run: docker compose up
# The tag names one version of Python; better still, give the digest that you have checked:
#   docker build --build-arg BASE=python@sha256:… .
ARG BASE=python:3.11.14-slim-bookworm
FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
COPY rules rules
COPY models models
COPY service service
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[demo]'

FROM ${BASE}
# LightGBM needs the OpenMP runtime, which slim images leave out.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'nextbest[demo]'
RUN groupadd --gid 10001 nextbest && useradd --create-home --uid 10001 --gid nextbest nextbest \
    && install --directory --owner=nextbest --group=nextbest /data
USER 10001:10001
# Kept in the user's cache directory, for processors like the one that builds the image; others compile at their first start.
RUN nextbest compile
# Others than the container reach this address: `serve` wants a certificate, or NEXTBEST_INSECURE=true.
ENV NEXTBEST_HOME=/data NEXTBEST_HOST=0.0.0.0 NEXTBEST_HEALTH_PORT=50052 NEXTBEST_LOG_FORMAT=json
# Only /data and /tmp are written: the rest may be read-only.
VOLUME /data
EXPOSE 50051 50052
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s \
    CMD ["nextbest", "health", "--address", "127.0.0.1:50052", "--timeout", "4"]
ENTRYPOINT ["nextbest"]
CMD ["serve"]
