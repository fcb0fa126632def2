import { execFileSync } from "node:child_process";
import { sha256 } from "@ob/core";
import { describe, expect, it } from "vitest";
import { scriptOf } from "../../ssh/quote/cygwin.ts";
import { runTask } from "../../testing/run-task.ts";
import type { GuestCommand } from "../profile.ts";
import { prepareDisks } from "./prepare-disks.ts";
import { windowsGuest } from "./profile.ts";

const profile = windowsGuest("opam");
const scripts = (commands: readonly GuestCommand[]): string[] =>
  commands.map(({ command }) => scriptOf(command));

const cache = { name: "c", disk: "/c.qcow2", formatted: true, target: String.raw`C:\Users\opam\cache` };
const refusal = expect.objectContaining({ code: "UNSUPPORTED" });

describe("Windows' commands", () => {
  it("prepare the disks, and then make a junction to the drive of each at its target", () => {
    const caches = [cache, { ...cache, formatted: false, target: "C:/Program Files/cache" }];
    const [disks, ...junctions] = scripts(profile.mount(runTask({ caches })));
    expect(disks).toMatch(
      /^set -- '[A-Za-z0-9+/=]+'\n[^]*^until said=\$\(powershell -NoProfile .* -EncodedCommand "\$1" <\/dev\/null 2>&1\); do$/m,
    );
    expect(junctions.map((script) => script.split("\n")[0])).toEqual([
      String.raw`set -- 'C:\Users\opam\cache' 'C:\Users\opam' d:`,
      String.raw`set -- 'C:\Program Files\cache' 'C:\Program Files' e:`,
    ]);
  });

  it("remove an old junction before they remove a real directory", () => {
    const [, junction = ""] = scripts(profile.mount(runTask({ caches: [cache] })));
    const plain = junction.indexOf('cmd /d /c rmdir "$1"');
    expect(plain).toBeGreaterThan(0);
    expect(junction.indexOf("rmdir /s")).toBeGreaterThan(plain);
  });

  it("reject more caches than there are drive letters", () => {
    const caches = Array.from({ length: 24 }, () => cache);
    expect(() => profile.mount(runTask({ caches }))).toThrow("drive letters for 23 caches");
    expect(profile.mount(runTask({ caches: caches.slice(1) }))).toHaveLength(24);
  });

  it("prepare the disks with PowerShell", () => {
    expect(prepareDisks([true, false])).toMatch(
      /^\$serials = @\('obuilder-cache-001', 'obuilder-cache-002'\)\n\$formatted = '10'\n\$ErrorActionPreference = 'Stop'\n/,
    );
    expect(prepareDisks([true])).toMatch(/-AccessPath \(\$has \+ ':\\'\)$/m);
    expect(prepareDisks([])).toMatch(/\nexit 0\n$/);
  });

  it("send a secret in base64 with its digest", () => {
    const contents = Buffer.from("hidden");
    const [command] = profile.mount(runTask({ secrets: [{ target: "C:/it's/key", contents }] }));
    expect(scripts(command ? [command] : [])[0]).toMatch(/^set -- 0 'C:\/it'\\''s\/key' 6 opam\n/);
    expect(Buffer.from(command?.input ?? []).toString()).toBe(`aGlkZGVu\n${sha256(contents)}\n`);
  });

  it("unmount only what was mounted", () => {
    expect(profile.unmount(runTask(), "")).toEqual([]);
  });

  it("unpack with Windows' own tar, directly from sshd's pipe", () => {
    expect(scripts([profile.unpack])[0]).toMatch(/^exec \.\/tar\.exe -xf - -C \/$/m);
  });

  it.each([{ name: "opam" }, { name: "OPAM" }, { uid: 0, gid: 0 }])(
    "run as the login user for %j",
    (user) => {
      expect(profile.mount(runTask({ user }))).toEqual([]);
    },
  );

  it.each([{ name: "other" }, { uid: 1000, gid: 1000 }])("are rejected for the user %j", (user) => {
    expect(() => profile.mount(runTask({ user }))).toThrow(refusal);
  });

  it.each(["key", "C:key", "C:/dir/", ""])("are rejected for a secret at %j", (target) => {
    const secrets = [{ target, contents: Buffer.from("") }];
    expect(() => profile.mount(runTask({ secrets }))).toThrow(refusal);
  });
});

describe("Windows' scripts", () => {
  it("are all parsed by bash", () => {
    const task = runTask({
      caches: [cache],
      secrets: [{ target: "/run/key", contents: Buffer.from("x") }],
    });
    const { prepare: ready, unpack, verification } = profile;
    const commands = [
      ready,
      unpack,
      verification!.check("list", ""),
      verification!.unpackIso(["one.tar", "two.tar"]),
      profile.run(task),
      profile.flush(""),
      ...profile.mount(task),
      ...profile.unmount(task, ""),
    ];
    for (const script of scripts(commands)) {
      expect(() => execFileSync("/bin/bash", ["-n", "-c", script])).not.toThrow();
    }
  });
});
