import { expect, it } from "vitest";
import { busyboxInit, packagesOf, systemdInit } from "./inits.ts";
import { bookworm, trixie } from "./releases.ts";

const options = { release: trixie, user: "opam", powerButton: true };
const paths = (files: readonly { readonly path: string }[]) => files.map(({ path }) => path);

it("an image with systemd has no part of Debian that conflicts with it", () => {
  expect(packagesOf(trixie, busyboxInit)).toEqual(["systemd-standalone-sysusers"]);
  expect(packagesOf(trixie, systemdInit)).not.toContain("systemd-standalone-sysusers");
  expect(packagesOf(bookworm, systemdInit)).toEqual(
    expect.arrayContaining(["usr-is-merged", "systemd-sysv", "udev", "dbus", "cron"]),
  );
});

it("an image with systemd has the settings of every Debian image, but not the scripts of the other init", async () => {
  const files = await systemdInit.files(options);
  expect(paths(files)).toEqual(
    expect.arrayContaining([
      ...["etc/hostname", "etc/resolv.conf", "etc/sudoers.d/opam"],
      ...["etc/ssh/sshd_config.d/obuilder.conf", "etc/ssh/sshd_config.d/release.conf"],
    ]),
  );
  for (const path of ["etc/inittab", "usr/sbin/policy-rc.d", "usr/local/lib/obuilder/start"]) {
    expect(paths(await busyboxInit.files(options))).toContain(path);
    expect(paths(files)).not.toContain(path);
  }
  expect(new Set(paths(files)).size).toBe(files.length);
  const sshd = files.find(({ path }) => path === "etc/ssh/sshd_config.d/obuilder.conf");
  expect(sshd?.contents).toContain("UsePAM yes\n");
});

it("an image with systemd says that its guests can be reused, and starts the login user's service manager at boot", async () => {
  const files = paths(await systemdInit.files({ ...options, user: "builder" }));
  expect(files).toEqual(
    expect.arrayContaining(["usr/local/lib/obuilder/systemd", "var/lib/systemd/linger/builder"]),
  );
  expect(paths(await busyboxInit.files(options))).not.toContain("usr/local/lib/obuilder/systemd");
});

it("each image with systemd has a machine id of its own, which its recipe's fingerprint does not depend on", async () => {
  const [one, two] = [systemdInit.uniqueFiles(), systemdInit.uniqueFiles()];
  expect(paths(one)).toEqual(["etc/machine-id"]);
  expect(one[0]?.contents).toMatch(/^[0-9a-f]{32}\n$/);
  expect(one).not.toEqual(two);
  expect(paths(await systemdInit.files(options))).not.toContain("etc/machine-id");
});
