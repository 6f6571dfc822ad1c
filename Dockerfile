# The job image. Two stages: the first one installs and trims, the second one holds what a job uses.
#   make image       GPU: TensorFlow with CUDA and cuDNN from wheels, so no vendor base is needed
#   make image-cpu   CPU: smaller, for tests and for machines without a GPU
# Both stages go from what changes rarely to what changes often: a change of ours rebuilds, pushes
# and pulls less than a megabyte, and TensorFlow's layer stays where it is.
ARG BASE_IMAGE=debian:trixie-slim

FROM ${BASE_IMAGE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv binutils \
 && rm -rf /var/lib/apt/lists/*
ARG VARIANT=gpu
COPY requirements/${VARIANT}.txt /build/requirements.txt
# One step, so that what is taken away again is in no layer.
# Wheels only, each with the hash it was locked with; the lock lists every dependency there is.
RUN python3 -m venv /opt/modelmaker/venv \
 && /opt/modelmaker/venv/bin/pip install --no-cache-dir --no-compile --no-deps --only-binary=:all: \
      --require-hashes --requirement /build/requirements.txt \
# What a training job never reads, by kind, so that an update of a package does not bring it back:
# headers, static libraries, packages' own tests, type stubs.
 && cd /opt/modelmaker/venv/lib/python3*/site-packages \
 && rm -rf tensorflow/include nvidia/*/include numpy/_core/include \
 && find . -type d \( -name tests -o -name testing_data \) -prune -exec rm -rf {} + \
 && find . \( -name '*.a' -o -name '*.pyi' \) -delete \
# Libraries that no other library and no module names: cuSOLVER over several GPUs, NVRTC's second
# build, and NCCL's code for linking into kernels.
 && rm -f nvidia/cusolver/lib/libcusolverMg.so.* nvidia/cuda_nvrtc/lib/lib*.alt.so.* \
      nvidia/nccl/lib/libnccl_device.* \
# The symbol tables of TensorFlow's libraries, a fifth of their size: the loader does not use them.
 && find tensorflow -type f -name '*.so*' -exec strip --strip-unneeded {} + \
 && echo /opt/modelmaker > modelmaker.pth \
# Compiled here once, because the job may run as a user, or on a root, that cannot write it.
# "unchecked" means the compiled files are trusted without a look at the sources' times.
# "-f", because pip leaves some compiled the other way.
 && /opt/modelmaker/venv/bin/python -m compileall -q -f -j 0 --invalidation-mode unchecked-hash \
      /opt/modelmaker/venv/lib
COPY schema /opt/modelmaker/schema
COPY entrypoint /opt/modelmaker/entrypoint
# Readable by every user, whatever the umask of the checkout.
RUN chmod -R u=rwX,go=rX /opt/modelmaker/schema /opt/modelmaker/entrypoint \
 && /opt/modelmaker/venv/bin/python -m compileall -q -f --invalidation-mode unchecked-hash \
      /opt/modelmaker/entrypoint

FROM ${BASE_IMAGE}
# A job changes no user, so nothing here needs to run as another one than who started it.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 ca-certificates \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log \
 && find / -xdev -type f -perm /6000 -exec chmod ug-s {} +
# Any user may run the job where nothing is mounted; mounts bring their own permissions.
RUN install -d -m 0755 /opt/ml /opt/ml/input \
 && install -d -m 1777 /opt/ml/code /opt/ml/input/data \
      /opt/ml/checkpoints /opt/ml/model /opt/ml/output
COPY --from=build /opt/modelmaker/venv /opt/modelmaker/venv
COPY --from=build /opt/modelmaker/schema /opt/modelmaker/schema
COPY --from=build /opt/modelmaker/entrypoint /opt/modelmaker/entrypoint
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
# Last, because they differ from commit to commit.
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ModelMaker TensorFlow" \
      org.opencontainers.image.description="Trains TensorFlow Estimator code and leaves a SavedModel" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
