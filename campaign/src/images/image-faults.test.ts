import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { buildPreload } from "../faults.ts";
import { makeImageReference } from "./image-reference.ts";
import { tryImageFault } from "./try-image-fault.ts";

// `tryImageFault` has limits of its own, which grow with the host's speed. The campaign tries all places of all commands.
it("a kill of `image import` leaves the old image or the new one", { timeout: 3_600_000 }, async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "ob-faults-"));
  try {
    const library = await buildPreload(directory);
    if (library === undefined) {
      throw new Error("There is no C compiler (cc): `npm run quickstart` installs gcc and libc6-dev.");
    }
    await using reference = await makeImageReference(["import"]);
    const place = { reference, library, slot: 0 };
    const trial = { command: "import", from: "1" } as const;
    const { calls, faults } = await tryImageFault(trial, { at: undefined, action: "kill" }, place);
    expect(faults).toEqual([]);
    const at = uniformInt(xoroshiro128plus(1), 1, calls);
    const found = await tryImageFault(trial, { at, action: "kill" }, place);
    expect({ at, faults: found.faults }).toEqual({ at, faults: [] });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
