#!/usr/bin/env bash
# Puts the base image into the store: pulls it from a registry, or builds it from its recipe unless it is there.
set -euo pipefail

store=${STORE:-$RUNNER_TEMP/obuilder-store}
mkdir -p "$store"
if [[ -n $IMAGE_FROM ]]; then
  obuilder image pull --store="qemu:$store" "$IMAGE_FROM" "$IMAGE"
else
  obuilder image build --store="qemu:$store" "$IMAGE"
fi
