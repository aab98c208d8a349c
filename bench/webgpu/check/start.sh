#!/bin/sh
# Unpacks the device check beside this file and runs it; arguments: those of bench/webgpu/check/mod.ts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
files="$here/files"
if [ ! -e "$files/deno" ]; then
  mkdir -p "$files"
  if command -v xz > /dev/null; then
    tar -C "$files" -xJf "$here/files.tar.xz"
  else
    python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' \
      "$here/files.tar.xz" "$files"
  fi
fi
# Everything that Deno and drivers write stays here.
export HOME="$files/home" DENO_DIR="$files/home/deno" XDG_RUNTIME_DIR="$files/home"
export DENO_NO_UPDATE_CHECK=1
mkdir -p "$DENO_DIR"
if ! ldconfig -p 2> /dev/null | grep -q libvulkan.so.1; then
  export LD_LIBRARY_PATH="$files/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
# Containers may have a driver whose description is not where the loader looks for it.
if [ -z "${VK_DRIVER_FILES:-}" ] && ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json > /dev/null 2>&1; then
  for description in /usr/local/*/share/vulkan/icd.d/*.json; do
    if [ -e "$description" ]; then
      export VK_DRIVER_FILES="${VK_DRIVER_FILES:+$VK_DRIVER_FILES:}$description"
    fi
  done
fi
cd "$files"
exec ./deno run --no-prompt -A bench/webgpu/check.js --fixtures "$files/tests/fixtures/parity" \
  --out "$here" "$@"
