import { copyFile, mkdir, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import {
  checkOptions,
  type ImageManifest,
  type ImageSpeed,
  type SnapshotPoint,
  makeTreesPrivate,
  errorMessage,
  ObError,
  readRegularFile,
  storeLayout,
  errnoCode,
  withStoreErrors,
} from "@ob/core";
import { checkImageTools } from "./check-tools.ts";
import { confineTool } from "@ob/qemu";
import { convertDisk, type ForeignDisk, inspectDisk, readQcowHeader } from "@ob/qcow2";
import { checkImage } from "../check/check-image.ts";
import { checkName, prepareStore, type ImageTools } from "./build-image.ts";
import { type ImageEvent, withPhase } from "./phases.ts";
import { publish } from "./publish.ts";
import type { RecipeResult } from "../recipe/recipe.ts";
import { makeStaging } from "./staging.ts";

export interface ImportRequest {
  /** Path of a disk in any format that qemu-img reads. It must not refer to other files. */
  readonly file: string;
  /** The name of the new image. */
  readonly name: string;
  readonly guestOs: ImageManifest["guestOs"];
  readonly guestArch: ImageManifest["guestArch"];
  readonly loginUser: string;
  /** Path of the private key that the login user accepts; by default the store's own key. */
  readonly sshKey?: string | undefined;
  /** Paths of the kernel and the initrd; both or neither. */
  readonly kernel?: string | undefined;
  readonly initrd?: string | undefined;
  /** The kernel's command line. */
  readonly append?: string | undefined;
  readonly check: boolean;
}

/**
 * Copies a disk into the store as a self-contained base image with a manifest, after a smoke test. Only the disk file
 * itself is read: a disk that refers to other files is refused.
 *
 * @throws ObError `USAGE`, `BASE_IMAGE`, `TOOL_FAILED`, `NO_SPACE`, `CANCELLED`; errors of the boot.
 */
export async function importImage(request: ImportRequest, tools: ImageTools): Promise<ImageManifest> {
  checkOptions("importImage", request, {
    file: "string",
    name: "string",
    guestOs: "string",
    guestArch: "string",
  });
  checkImageTools("importImage", tools);
  const name = checkName(request.name);
  const { store, onEvent = () => undefined, signal } = tools;
  const source = await look(request.file);
  const layout = storeLayout(store);
  const images = layout.baseImages;
  await prepareStore(store, { images, signal });
  return await withStoreErrors(`import the image ${name}`, async () => {
    await using staging = await makeStaging(images, layout);
    const directory = staging.path;
    try {
      const disk = join(directory, "disk.qcow2");
      await withPhase("Copy the disk", { onEvent, signal }, async (phase) => {
        await using tool = await confineTool([
          { kind: source.isDevice ? "device" : "read", source: source.path, target: source.path },
          { kind: "write", source: directory, target: directory },
        ]);
        await convertDisk(source, disk, { confinedBy: tool.command, signal: phase.signal });
      });
      const directBoot = await copyBootFiles(request, directory);
      const key = await takeKey(request, directory);
      const manifest = {
        ...{ version: 2 as const, name, guestOs: request.guestOs, guestArch: request.guestArch },
        ...{ loginUser: request.loginUser, virtualSize: (await readQcowHeader(disk))?.virtualSize },
      };
      const booted = { ...manifest, sshKey: key === undefined ? ownKey : relative(images, key) };
      const snapshotPoints = request.check
        ? await checkDisk(disk, { directory, images, manifest: booted, directBoot, tools })
        : [];
      const result = { disk, virtualSize: manifest.virtualSize ?? 0, ...(directBoot && { directBoot }) };
      return await publish(result, {
        manifest: {
          ...{ ...manifest, sshKey: ownKey },
          ...(snapshotPoints.length > 0 && { snapshotPoints: [...snapshotPoints] }),
        },
        ...{ store, key, record: undefined, signal },
      });
    } finally {
      await makeTreesPrivate([images]);
    }
  });
}

interface CheckDiskOptions {
  /** Absolute path of the directory of the new image's files. */
  readonly directory: string;
  /** Absolute path of the store's `base-image`. */
  readonly images: string;
  readonly manifest: ImageManifest;
  /** With absolute paths. */
  readonly directBoot: RecipeResult["directBoot"];
  readonly tools: ImageTools;
}

/** @returns the points at which a snapshot of the guest can be taken. */
async function checkDisk(
  disk: string,
  { directory, images, manifest, directBoot, tools }: CheckDiskOptions,
): Promise<readonly SnapshotPoint[]> {
  const { startSmokeTest, onEvent = () => undefined, signal } = tools;
  const scratch = join(directory, "check");
  await mkdir(scratch);
  let points: readonly SnapshotPoint[] = [];
  const onCheckEvent = (event: ImageEvent): void => {
    if (event.type !== "speed") return onEvent(event);
    const { possiblePoints } = event.speed;
    points = possiblePoints;
    onEvent({ type: "speed", speed: withPoints(event.speed, possiblePoints) });
  };
  await withPhase("Boot it, log in, run the checks, shut it down", { onEvent, signal }, (phase) =>
    checkImage(
      {
        manifest: {
          ...manifest,
          ...(directBoot && {
            directBoot: {
              ...directBoot,
              kernel: relative(images, directBoot.kernel),
              initrd: directBoot.initrd && relative(images, directBoot.initrd),
            },
          }),
        },
        ...{ manifestDirectory: images, disk },
      },
      {
        ...{ startSmokeTest, scratch, strict: false, measuresSpeed: true },
        ...{ onEvent: onCheckEvent, signal: phase.signal },
      },
    ),
  );
  return points;
}

/** The speed of an image whose manifest lists these points. */
function withPoints(speed: ImageSpeed, points: readonly SnapshotPoint[]): ImageSpeed {
  if (points.length === 0) return speed;
  return { ...speed, first: { kind: "resumed", points, reseededBy: "seed" }, possiblePoints: [] };
}

/** @throws ObError `USAGE` if the file does not exist; as `inspectDisk`. */
async function look(file: string): Promise<ForeignDisk> {
  await stat(file).catch((cause: unknown) => {
    const why = errnoCode(cause) === "ENOENT" ? "there is no such file" : errorMessage(cause);
    throw new ObError("USAGE", `${file} cannot be read as a disk: ${why}.`, {
      cause,
      hint: "FILE is the path of a file; URLs and other names that QEMU accepts are not files.",
    });
  });
  return await inspectDisk(file);
}

async function copyBootFiles({ kernel, initrd, append = "" }: ImportRequest, directory: string) {
  if (kernel === undefined) return undefined;
  const take = async (file: string, name: string): Promise<string> => {
    const target = join(directory, name);
    await copyFile(file, target).catch((cause: unknown) => {
      throw new ObError("USAGE", `The ${name} ${file} cannot be read.`, { cause });
    });
    return target;
  };
  return {
    kernel: await take(kernel, "kernel"),
    ...(initrd !== undefined && { initrd: await take(initrd, "initrd") }),
    commandLine: append,
  };
}

/** The store's own login key, relative to its images. */
const ownKey = "../state/ssh/id_ed25519";

/** Copies the login key into a directory. @returns the absolute path of the copy; undefined for the store's own key. */
async function takeKey({ sshKey }: ImportRequest, directory: string): Promise<string | undefined> {
  if (sshKey === undefined) return undefined;
  const copy = join(directory, "key");
  const text = await readRegularFile(sshKey).catch((cause: unknown) => {
    throw new ObError("USAGE", `The key ${sshKey} cannot be read.`, { cause });
  });
  if (!text.includes("PRIVATE KEY")) {
    throw new ObError("USAGE", `${sshKey} is not a private key.`, {
      hint: "Give the file without .pub: the image has the public key.",
    });
  }
  await writeFile(copy, text, { mode: 0o600 });
  return copy;
}
