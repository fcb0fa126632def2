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
  it("create a junction to the drive at the cache's target, with single quotes for bash and none for cmd", () => {
    const caches = [cache, { ...cache, formatted: false, target: "C:/Program Files/cache" }];
    const [disks, ...junctions] = scripts(profile.mount(runTask({ caches })));
    expect(disks).toMatch(/^powershell -NoProfile .* -EncodedCommand [A-Za-z0-9+/=]+ <\/dev\/null$/m);
    expect(junctions[0]).toMatchInlineSnapshot(`
      "PATH=/usr/bin:$PATH
      fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
      exec </dev/null
      cmd /c rmdir 'C:\\Users\\opam\\cache' >/dev/null 2>&1
      cmd /c if exist 'C:\\Users\\opam\\cache' rmdir /s /q 'C:\\Users\\opam\\cache' >/dev/null
      cmd /c if not exist 'C:\\Users\\opam' mkdir 'C:\\Users\\opam' </dev/null >/dev/null
      cmd /c mklink /j 'C:\\Users\\opam\\cache' 'd:\\' >/dev/null
      at=$(cygpath -u 'C:\\Users\\opam\\cache') drive=$(cygpath -u 'd:\\')
      mark=.obuilder-$RANDOM$RANDOM
      [ -d "$drive" ] && : >"\${drive%/}/$mark" || fail 'the guest has no drive d:'
      [ -e "$at/$mark" ]
      stands=$?
      rm -f -- "\${drive%/}/$mark"
      [ $stands = 0 ] || fail 'the junction at C:\\Users\\opam\\cache does not lead to d:'"
    `);
    expect(junctions[1]).toContain(String.raw`cmd /c mklink /j 'C:\Program Files\cache' 'e:\' >`);
  });

  it("remove an old junction before they remove a real directory", () => {
    const [, junction = ""] = scripts(profile.mount(runTask({ caches: [cache] })));
    const plain = junction.indexOf(String.raw`cmd /c rmdir 'C:\Users\opam\cache'`);
    expect(plain).toBeGreaterThan(0);
    expect(junction.indexOf("rmdir /s")).toBeGreaterThan(plain);
    expect(junction).not.toMatch(/cmd \/c [^\n]*"/);
  });

  it("reject more caches than there are drive letters", () => {
    const caches = Array.from({ length: 24 }, () => cache);
    expect(() => profile.mount(runTask({ caches }))).toThrow("drive letters for 23 caches");
    expect(profile.mount(runTask({ caches: caches.slice(1) }))).toHaveLength(24);
  });

  it("prepare the disks with PowerShell", () => {
    expect(prepareDisks([true, false])).toMatch(/^\$formatted = '10'\n\$ErrorActionPreference = 'Stop'\n/);
    expect(prepareDisks([true])).toMatch(/-AccessPath \(\$has \+ ':\\'\)$/m);
    expect(prepareDisks([])).toMatch(/\nexit 0\n$/);
  });

  it("write a secret where only the login user can read it, in a cluster of its own", () => {
    const contents = Buffer.from("hidden");
    const [command] = profile.mount(runTask({ secrets: [{ target: "C:/it's/key", contents }] }));
    expect(scripts(command ? [command] : [])[0]).toMatchInlineSnapshot(`
      "PATH=/usr/bin:$PATH
      fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
      IFS= read -r text
      IFS= read -r digest
      exec </dev/null
      target=$(cygpath -u 'C:/it'\\''s/key')
      [ ! -d "$target" ] || fail "$target is a directory"
      parents=0 parent=\${target%/*}
      while [ -n "$parent" ] && [ ! -e "$parent" ]; do
        parents=$((parents + 1)) parent=\${parent%/*}
      done
      mkdir -p -- "\${target%/*}" && echo $parents >/tmp/.obuilder-secret-0 || exit 125
      if [ -e "$target" ] || [ -L "$target" ]; then mv -- "$target" "$target.obuilder-kept" || exit 125; fi
      dd if=/dev/zero of="$target" bs=1024 count=64 2>/dev/null || exit 125
      icacls "$(cygpath -w "$target")" /inheritance:r /grant:r opam:F >/dev/null || fail "cannot restrict $target"
      printf %s "$text" | base64 -d | dd of="$target" bs=1024 conv=notrunc 2>/dev/null
      truncate -s 6 -- "$target"
      [ "$(sha256sum <"$target")" = "$digest  -" ] || fail 'a secret did not arrive as it was sent'"
    `);
    expect(Buffer.from(command?.input ?? []).toString()).toBe(`aGlkZGVu\n${sha256(contents)}\n`);
  });

  it("remove secrets, then junctions, but nothing behind them", () => {
    const secrets = [{ target: "/run/key", contents: Buffer.from("") }];
    const task = runTask({ caches: [cache], secrets });
    expect(scripts(profile.unmount(task, ""))[0]).toMatchInlineSnapshot(`
      "PATH=/usr/bin:$PATH
      fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
      target=$(cygpath -u /run/key)
      if [ -f "$target" ]; then
        size=$(stat -c %s -- "$target")
        dd if=/dev/zero of="$target" bs=1024 count=$(((size + 1023) / 1024)) conv=notrunc,fsync 2>/dev/null || exit 125
      fi
      rm -f -- "$target" || fail "cannot remove the secret at $target"
      if [ -e "$target.obuilder-kept" ] || [ -L "$target.obuilder-kept" ]; then
        mv -- "$target.obuilder-kept" "$target" || exit 125
      fi
      read -r parents </tmp/.obuilder-secret-0
      rm -f /tmp/.obuilder-secret-0
      directory=\${target%/*}
      while [ "$parents" -gt 0 ] && rmdir -- "$directory" 2>/dev/null; do
        parents=$((parents - 1)) directory=\${directory%/*}
      done
      cmd /c rmdir 'C:\\Users\\opam\\cache' </dev/null >/dev/null
      at=$(cygpath -u 'C:\\Users\\opam\\cache')
      [ ! -e "$at" ] && [ ! -L "$at" ] || fail 'the junction at C:\\Users\\opam\\cache cannot be removed'"
    `);
    expect(profile.unmount(runTask(), "")).toEqual([]);
  });

  it("unpack with Windows' own tar, directly from sshd's pipe", () => {
    expect(scripts([profile.unpack])[0]).toMatchInlineSnapshot(`
      "cd -- "$(PATH=/usr/bin:$PATH cygpath -S)" || exit 125
      exec ./tar.exe -xf - -C /"
    `);
  });

  it("compare what arrived with what was sent", () => {
    expect(scripts([profile.verification!.check("list", "0".repeat(64))])[0]).toMatchInlineSnapshot(`
      "PATH=/usr/bin:$PATH
      fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
      exec </dev/null
      system=$(cygpath -w -S)
      cd -- "$(cygpath -u "\${system%%\\\\*}\\\\")" || exit 125
      [ "$(sha256sum <list)" = '0000000000000000000000000000000000000000000000000000000000000000  -' ] || fail 'the list of what was sent did not arrive'
      LC_ALL=C.UTF-8 sha256sum --check --quiet --strict -- list >&2
      same=$?
      rm -f -- list
      [ $same = 0 ] || fail 'files did not arrive as they were sent'"
    `);
  });

  it("check for Cygwin, and flush", () => {
    expect(scripts([profile.prepare, profile.flush("")])).toMatchInlineSnapshot(`
      [
        "PATH=/usr/bin:$PATH
      fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
      cygpath -S >/dev/null && sha256sum --version >/dev/null && command -v cmd >/dev/null",
        "PATH=/usr/bin:$PATH
      fail() { printf 'obuilder: %s\\n' "$*" >&2; exit 125; }
      sync",
      ]
    `);
  });

  it("run a step's command with bash, or with the step's shell", () => {
    const task = runTask({ command: "make it 'so'", workdir: "C:/src", environment: [["A", "b c"]] });
    expect(scripts([profile.run(task)])[0]).toMatchInlineSnapshot(`
      "directory=$(PATH=/usr/bin:$PATH cygpath -u C:/src)
      cd -- "$directory" 2>/dev/null || {
        PATH=/usr/bin:$PATH mkdir -p -- "$directory"
        cd -- "$directory" || { printf 'obuilder: cannot enter %s\\n' "$directory" >&2; exit 125; }
      }
      unset directory OLDPWD
      exec /usr/bin/env -u SSH_CLIENT -u SSH_CONNECTION -u SSH_TTY 'A=b c' /bin/bash -c 'make it '\\''so'\\''' </dev/null"
    `);
    expect(scripts([profile.run({ ...task, shell: ["cmd", "/c"] })])[0]).toContain(
      String.raw`'A=b c' cmd /c 'make it '\''so'\''' </dev/null`,
    );
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
    const { prepare: ready, unpack, verification: verifyCopy } = profile;
    const commands = [
      ready,
      unpack,
      verifyCopy!.check("list", ""),
      verifyCopy!.unpackIso(["one.tar", "two.tar"]),
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
