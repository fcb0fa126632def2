import { afterAll, beforeAll, expect, it } from "vitest";
import { build } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/** Has each boot of the guest write its id. */
const recordBoots = `echo '::once:/bin/sh -c "cat /proc/sys/kernel/random/boot_id >>/home/opam/boots"' | sudo tee -a /etc/inittab >/dev/null`;

it("a step whose guest may restart ends when the guest is back, with all that it wrote before", async () => {
  const result = await build(
    store,
    `((from ${imageName})
      (workdir /home/opam)
      (run (restart allowed) (shell "${recordBoots.replaceAll('"', String.raw`\"`)}; cat /proc/sys/kernel/random/boot_id >boots; echo marker >marker; sudo reboot; sleep 100; echo late >late"))
      (run (shell "sync; cat marker; ls late 2>/dev/null; sort -u boots | wc -l")))`,
    { flags: ["-v"] },
  );
  expect(result.exitCode, result.all).toBe(0);
  expect(result.all.match(/The guest restarts[.]/g), result.all).toHaveLength(1);
  expect(result.all).toContain("The guest is back after its restart.");
  expect(result.all).toMatch(/^marker$/m);
  expect(result.all).toMatch(/^3$/m);
});

it("a step whose guest restarts without that fails, and the error names the field", async () => {
  const result = await build(store, `((from ${imageName}) (run (shell "sudo reboot; sleep 100")))`);
  expect(result.exitCode, result.all).not.toBe(0);
  expect(result.all).toContain("(restart allowed)");
});
