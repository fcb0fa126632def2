import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { sha256 } from "@ob/core";
import { tarOf } from "./tar.ts";

/** A file of an OCI image layout. */
export interface LayoutFile {
  /** Relative to the layout. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** Its contents; they can be read again. */
  readonly read: () => AsyncIterable<Uint8Array>;
}

export interface ContainerDisk {
  /** Absolute path of the qcow2 file. It must not change while the layout is read. */
  readonly disk: string;
  /** The name of the disk in the image, without `.qcow2`. */
  readonly name: string;
  /** As Go names it: amd64, riscv64. */
  readonly architecture: string;
}

/** The user of QEMU in KubeVirt's images: it must be able to read the disk. */
const qemuUser = 107;

/**
 * An OCI image as KubeVirt's containerDisk takes it: one layer, which has the disk in `/disk` and nothing else. The same disk
 * gives the same bytes.
 */
export async function containerDisk({
  disk,
  name,
  architecture,
}: ContainerDisk): Promise<readonly LayoutFile[]> {
  const owner = { uid: qemuUser, gid: qemuUser };
  const { size } = await stat(disk);
  const readLayer = () =>
    tarOf([
      { header: { name: "disk/", type: "directory", mode: 0o755, ...owner } },
      {
        header: { name: `disk/${name}.qcow2`, type: "file", mode: 0o440, size, ...owner },
        read: () => createReadStream(disk, { highWaterMark: 1 << 20 }),
      },
    ]);
  const layer = await describeBlob("application/vnd.oci.image.layer.v1.tar", readLayer);
  // For KubeVirt a container with a disk runs on Linux, whatever the disk's guest is.
  const config = json({
    architecture,
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    history: [{ created_by: "obuilder export" }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: [layer],
  });
  const platform = { architecture, os: "linux" };
  const index = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...descriptor("application/vnd.oci.image.manifest.v1+json", manifest), platform }],
  });
  return [
    inMemory("oci-layout", json({ imageLayoutVersion: "1.0.0" })),
    inMemory("index.json", index),
    ...[manifest, config].map((bytes) => inMemory(blobPath(`sha256:${sha256(bytes)}`), bytes)),
    { path: blobPath(layer.digest), size: layer.size, read: readLayer },
  ];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function descriptor(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.byteLength };
}

async function describeBlob(mediaType: string, read: () => AsyncIterable<Uint8Array>): Promise<Descriptor> {
  const digest = createHash("sha256");
  let size = 0;
  for await (const chunk of read()) {
    digest.update(chunk);
    size += chunk.byteLength;
  }
  return { mediaType, digest: `sha256:${digest.digest("hex")}`, size };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function inMemory(path: string, bytes: Buffer): LayoutFile {
  return {
    path,
    size: bytes.byteLength,
    async *read() {
      yield bytes;
    },
  };
}
