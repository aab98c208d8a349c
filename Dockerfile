# mimic in a container. Write the package first, then build:
#
#   npx --yes deno@2.9.6 task pack
#   docker build -t mimic .
#   docker run --rm -v "$PWD:/data" mimic pretrain
#
# `--gpus all` gives it an NVIDIA GPU, if the host has the NVIDIA Container Toolkit.
FROM debian:trixie-slim

# npm brings mimic and Deno; WebGPU looks for GPUs through the Vulkan loader.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates libvulkan1 npm \
  && rm -rf /var/lib/apt/lists/*

COPY dist/mimic-*.tgz /tmp/
RUN npm install --global --no-audit --no-fund /tmp/mimic-*.tgz \
  && rm -rf /tmp/mimic-*.tgz /root/.npm \
  && useradd --create-home mimic \
  && mkdir /data \
  && chown mimic /data

USER mimic
# The NVIDIA driver leaves Vulkan out unless asked for graphics.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility
# The libraries, so that a container starts without the network.
RUN cd /tmp && mimic pretrain --max-steps 1 --quiet --out /tmp/warm && rm -rf /tmp/warm

WORKDIR /data
VOLUME /data
ENTRYPOINT ["mimic"]
