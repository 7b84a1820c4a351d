# The server in a container, which runs as nobody in particular and writes into /studies alone: see docs/howto/containers.md.
# For NVIDIA GPUs: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends python3-venv python3-dev gcc libc6-dev && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY requirements/lock.txt requirements/
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# PyTorch comes first, from the index of its build; what follows finds it there.
RUN python3 -m venv /opt/gliomics && \
    grep -E "^(torch|uv)==" requirements/lock.txt > first.txt && \
    /opt/gliomics/bin/pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" --requirement first.txt
COPY pyproject.toml setup.py README.md LICENSE ./
COPY lib lib
COPY apps apps
COPY sample_studies sample_studies
RUN /opt/gliomics/bin/uv pip install --no-cache --python /opt/gliomics/bin/python --compile-bytecode \
    --constraint requirements/lock.txt ".[server]" && \
    /opt/gliomics/bin/pip uninstall --yes uv

FROM ${BASE}
# hadolint ignore=DL3008
RUN apt-get update && \
    apt-get install --yes --no-install-recommends python3 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin gliomics && \
    mkdir /studies && chown gliomics /studies
COPY --from=build /opt/gliomics /opt/gliomics
ENV PATH=/opt/gliomics/bin:$PATH HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1
USER 10001
WORKDIR /studies
VOLUME /studies
EXPOSE 8000
# Any answer will do, also that a token is wanted.
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m CMD ["python", "-c", "import http.client; \
server = http.client.HTTPConnection('127.0.0.1', 8000, timeout=5); server.request('GET', '/info/'); \
raise SystemExit(server.getresponse().status >= 500)"]
ENTRYPOINT ["gliomics"]
CMD ["serve", "--studies", "/studies", "--host", "0.0.0.0"]
