import type { ImageState, ListedImage } from "@ob/images";
import type { Arguments } from "../../args/options.ts";
import { formatAge, formatSize } from "../../args/units.ts";
import { formatTable } from "../../output/format-table.ts";
import { jsonLine, printableLine } from "../../output/printable.ts";
import type { ImageSession } from "./session.ts";

const states: Readonly<Record<ImageState, string>> = {
  current: "up to date",
  outdated: "outdated: build it again",
  custom: "custom",
  incomplete: "incomplete: build or import it again",
  "no-manifest": "no manifest",
  "not-built": "not built",
};

export async function listAllImages(args: Arguments, { session }: ImageSession): Promise<void> {
  const { io, location } = session;
  const { listImages } = await import("@ob/images");
  const found = await listImages(location.directory);
  if (args["json"] === true) {
    const lines = found.map(({ name, state, guest, bytes, made }) =>
      jsonLine({ name, state, guest: guest ?? null, bytes: bytes ?? null, made: made ?? null }),
    );
    io.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return;
  }
  const now = Date.now();
  const rows = found.map((image) => row(image, now));
  io.stdout.write(formatTable(["NAME", "GUEST", "SIZE", "CREATED", "STATE"], { rows, left: [0, 1, 4] }));
}

function row({ name, guest, bytes, made, state }: ListedImage, now: number): readonly string[] {
  return [
    name,
    guest ? `${guest.os}/${guest.arch}` : "?",
    bytes === undefined ? "" : formatSize(bytes),
    made === undefined ? "" : `${formatAge(now - made.getTime())} ago`,
    states[state],
  ];
}

export async function removeOneImage(_args: Arguments, { session, target }: ImageSession): Promise<void> {
  const { io, location } = session;
  const { removeImage } = await import("@ob/images");
  const { hasLayer } = await removeImage(location.directory, target);
  const kept = hasLayer ? " Its layers are kept, with the data that they need." : "";
  io.stdout.write(`Removed ${printableLine(target)}.${kept}\n`);
}
