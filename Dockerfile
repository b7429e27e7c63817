# Build: docker build -t nextbest .    Run: docker compose up
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
COPY rules rules
COPY models models
COPY service service
RUN pip wheel --no-cache-dir --wheel-dir /wheels '.[demo]'

FROM python:3.11-slim-bookworm
# LightGBM needs the OpenMP runtime, which slim images leave out.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels 'nextbest[demo]'
RUN useradd --create-home --uid 10001 nextbest && install --directory --owner=nextbest /data
USER nextbest
# Kept in the user's cache directory, for processors like the one that builds the image; others compile at their first start.
RUN nextbest compile
ENV NEXTBEST_HOME=/data NEXTBEST_HOST=0.0.0.0 NEXTBEST_LOG_FORMAT=json
VOLUME /data
EXPOSE 50051
ENTRYPOINT ["nextbest"]
CMD ["serve"]
