# The job image. Two stages: the first one installs and trims, the second one holds what a job uses.
#   make image       GPU: TensorFlow with CUDA and cuDNN from wheels, so no vendor base is needed
#   make image-cpu   CPU: smaller, for tests and for machines without a GPU
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS build
ARG VARIANT=gpu
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY requirements/${VARIANT}.txt /build/requirements.txt
# Wheels only, each with the hash it was locked with; the lock lists every dependency there is.
RUN python3 -m venv /opt/modelmaker/venv \
 && /opt/modelmaker/venv/bin/pip install --no-cache-dir --no-compile --no-deps --only-binary=:all: \
      --require-hashes --requirement /build/requirements.txt
# What a training job never reads, by kind, so that an update of a package does not bring it back:
# headers, static libraries, packages' own tests, type stubs.
RUN cd /opt/modelmaker/venv/lib/python3*/site-packages \
 && rm -rf tensorflow/include nvidia/*/include numpy/_core/include \
 && find . -type d \( -name tests -o -name testing_data \) -prune -exec rm -rf {} + \
 && find . \( -name '*.a' -o -name '*.pyi' \) -delete \
 && echo /opt/modelmaker > modelmaker.pth
COPY schema /opt/modelmaker/schema
COPY entrypoint /opt/modelmaker/entrypoint
# Compiled here once, because the job may run as a user, or on a root, that cannot write it.
# "unchecked" means the compiled files are trusted without a look at the sources' times.
RUN /opt/modelmaker/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      /opt/modelmaker/venv/lib /opt/modelmaker/entrypoint

FROM ${BASE_IMAGE}
ARG VARIANT=gpu
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ModelMaker TensorFlow" \
      org.opencontainers.image.description="Trains TensorFlow Estimator code and leaves a SavedModel" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 ca-certificates \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log
# Any user may run the job where nothing is mounted; mounts bring their own permissions.
RUN install -d -m 1777 /opt/ml /opt/ml/checkpoints /opt/ml/model /opt/ml/output \
 && install -d -m 0755 /opt/ml/code /opt/ml/input /opt/ml/input/data
COPY --from=build /opt/modelmaker /opt/modelmaker
# The NVIDIA container toolkit reads the first two. HOME must be writable for any --user.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /tmp
STOPSIGNAL SIGTERM
# -P: a file in the working directory must not be taken for a module of ours.
ENTRYPOINT ["/opt/modelmaker/venv/bin/python", "-P", "-m", "entrypoint"]
CMD ["train"]
