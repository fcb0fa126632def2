import { lstat, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { afterAll, expect, test } from "vitest";
import { build, obuilder } from "../support/obuilder.ts";
import { imageName, temporaryStore } from "../support/store.ts";

const store = await temporaryStore();
afterAll(async () => {
  await store[Symbol.asyncDispose]();
});

/** perl's numbers of the system calls on amd64: 188 is setxattr, 191 getxattr. */
const attributes = {
  "user.note": "bin\\0\\xff=\\n",
  "security.capability": String.raw`\1\0\0\2\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0\0`,
  // rw- for the owner, rwx for the user 1234, r-- for the group and others.
  "system.posix_acl_access": String.raw`\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\7\0\xd2\4\0\0\4\0\4\0\xff\xff\xff\xff\x10\0\7\0\xff\xff\xff\xff\40\0\4\0\xff\xff\xff\xff`,
};

const set = Object.entries(attributes)
  .map(
    ([name, value]) =>
      `($k, $v) = ("${name}", "${value}"); syscall(188, $f, $k, $v, length $v, 0) == 0 or die $k;`,
  )
  .join(" ");
const show = Object.keys(attributes)
  .map(
    (name) =>
      `($k, $v) = ("${name}", "x" x 99); $n = syscall(191, $f, $k, $v, 99); print "$k ", unpack("H*", substr $v, 0, $n), "\\n";`,
  )
  .join(" ");

/** A command as an atom of a spec. */
const atom = (command: string): string => JSON.stringify(command);
const perl = (program: string): string => `sudo perl -e '$f = "tool"; ${program}'`;

const make = `sudo mkdir -p /opt/t /one /two/x && cd /opt/t && echo tool | sudo tee tool >/dev/null && sudo ln tool twin
sudo truncate -s 3G holes && printf end | sudo dd of=holes bs=1 seek=2147483648 conv=notrunc status=none
sudo ln -s /etc /one/x && echo evil | sudo tee /two/x/evil >/dev/null
${perl(set)}`;
const list = `cd /srv/t && ${perl(show)} && stat -c '%n %h %s %b' tool twin holes`;

const spec = `((build made ((from ${imageName}) (run (shell ${atom(make)}))))
 (from ${imageName})
 (copy (from (build made)) (src /opt/t /one/x) (dst /srv/))
 (run (shell ${atom(list)}))
 (copy (from (build made)) (src /two/x) (dst /srv/)))`;

const inHex = (value: string): string =>
  Buffer.from(
    value.replaceAll(/\\(x[0-9a-f]{2}|n|[0-7]{1,2})/g, (_, digits: string) =>
      digits === "n"
        ? "\n"
        : String.fromCharCode(digits.startsWith("x") ? Number(`0${digits}`) : Number(`0o${digits}`)),
    ),
    "latin1",
  ).toString("hex");

test("copies keep attributes, hard links and holes, and write through no link that an earlier copy has brought", async () => {
  const { all, exitCode } = await build(store, spec);
  for (const [name, value] of Object.entries(attributes)) expect(all).toContain(`${name} ${inHex(value)}\n`);
  expect(all).toMatch(/^tool 2 5 \d+$/m);
  const blocks = Number(/^holes 1 3221225472 (\d+)$/m.exec(all)?.[1]);
  expect(blocks).toBeLessThan(2048);
  expect(exitCode, all).not.toBe(0);
  expect(all).toContain("/srv/x is a link out of the destination /srv, to /etc");

  const copied = [...all.matchAll(/---> saved as "([0-9a-f]{64})"/g)].map(([, id]) => id).at(-1) ?? "";
  const inStore = `--store=qemu:${store.directory}`;
  const flags = ["--qemu-memory", "512M", "--qemu-boot-time", "120"];
  const result = await obuilder(["cp", inStore, ...flags, `${copied}:/srv/.`, store.work]);
  expect(result.exitCode, result.all).toBe(0);
  expect(result.all).toMatch(/left out: .*security\.capability of "t\/t(?:ool|win)"/);
  expect(result.all).toContain("system.posix_acl_access");
  const at = (name: string): string => path.join(store.work, "t", name);
  const [tool, twin, holes] = await Promise.all(["tool", "twin", "holes"].map((name) => stat(at(name))));
  expect(tool?.ino).toBe(twin?.ino);
  expect([holes?.size, (holes?.blocks ?? 0) < 2048]).toEqual([3 * 2 ** 30, true]);
  const archive = await execa("tar", ["--xattrs", "--format=pax", "-cf", "-", "tool"], {
    cwd: path.dirname(at("tool")),
    encoding: "buffer",
  });
  expect(Buffer.from(archive.stdout).toString("latin1")).toContain("SCHILY.xattr.user.note=bin\0\xff=\n");
  expect((await lstat(path.join(store.work, "x"))).isSymbolicLink()).toBe(true);
  expect((await readdir(store.work)).toSorted()).toEqual(["t", "x"]);
}, 400_000);
