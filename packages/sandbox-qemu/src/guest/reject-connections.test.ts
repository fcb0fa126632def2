import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { rejectConnections as forLinux } from "./linux/scripts.generated.ts";
import { rejectConnections as forOpenbsd } from "./openbsd/scripts.generated.ts";
import { rejectedNetworks } from "./posix/rejected-networks.ts";
import { findProfile } from "./registry.ts";

const directory = mkdtempSync(join(tmpdir(), "reject-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs a script with a program of that name, and returns what that program was given. */
function given(program: string, script: string, body: string): readonly string[] {
  const log = join(directory, `${program}.log`);
  writeFileSync(log, "");
  writeFileSync(join(directory, program), `#!/bin/sh\n${body.replaceAll("LOG", log)}\n`);
  chmodSync(join(directory, program), 0o755);
  // OpenBSD's scripts set their own PATH.
  const own = script.replace(/^PATH=/m, `PATH=${directory}:`);
  const env = { ...process.env, PATH: `${directory}:${process.env["PATH"] ?? ""}` };
  execFileSync("/bin/sh", ["-c", own, "obuilder", ...rejectedNetworks], { env });
  return readFileSync(log, "utf8").trimEnd().split("\n");
}

it("Linux guests reject connections by routes that precede a default route", () => {
  const ip = 'case $1 in -V) ;; *) echo "$*"; cat ;; esac >>LOG; exit 2';
  expect(given("ip", forLinux, ip.replace("-V) ;;", "-V) exit 0 ;;"))).toMatchInlineSnapshot(`
    [
      "-force -batch -",
      "route add unreachable 0.0.0.0/1 metric 1",
      "route add unreachable 128.0.0.0/1 metric 1",
      "route add unreachable 10.0.2.3/32 metric 1",
      "route add unreachable ::/1 metric 1",
      "route add unreachable 8000::/1 metric 1",
      "route add unreachable fec0::/64 metric 1",
    ]
  `);
});

describe("the busybox of our images rejects connections", () => {
  const link = "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 ";
  const none = "0".repeat(32);

  /** The routes that it adds, given those of IPv6 that the guest has. */
  function added(routes: string): readonly string[] {
    const file = join(directory, "ipv6_route");
    writeFileSync(file, routes);
    const busybox = join(directory, "busybox");
    const script = forLinux
      .replace("/proc/net/ipv6_route", file)
      .replace("/usr/local/lib/obuilder/busybox", busybox)
      .replace("command -v ip &&", "false &&");
    // After "sh -c SCRIPT sh".
    return given("busybox", script, `shift 4; printf '%s\\n' "$@" >LOG`);
  }

  it("without those of IPv6 where no route leads to a gateway", () => {
    const routes = [link + none, `${none} 00 ${none} 00 ${none}`];
    expect(added(`${routes.join("\n")}\n`)).toEqual(["0.0.0.0/1", "128.0.0.0/1", "10.0.2.3/32"]);
    expect(added("")).toEqual(["0.0.0.0/1", "128.0.0.0/1", "10.0.2.3/32"]);
  });

  it("with those of IPv6 where a router has said that it leads elsewhere", () => {
    const gateway = "fe800000000000000000000000000002";
    expect(added(`${link}${none}\n${none} 00 ${none} 00 ${gateway} 00000400\n`)).toEqual(rejectedNetworks);
  });
});

it("OpenBSD guests reject connections by routes that precede a default route", () => {
  expect(given("route", forOpenbsd, 'echo "$*" >>LOG; exit 1')).toMatchInlineSnapshot(`
    [
      "-qn add -inet -net 0.0.0.0 -prefixlen 1 127.0.0.1 -reject",
      "-qn add -inet -net 128.0.0.0 -prefixlen 1 127.0.0.1 -reject",
      "-qn add -inet -net 10.0.2.3 -prefixlen 32 127.0.0.1 -reject",
      "-qn add -inet6 -net :: -prefixlen 1 ::1 -reject",
      "-qn add -inet6 -net 8000:: -prefixlen 1 ::1 -reject",
      "-qn add -inet6 -net fec0:: -prefixlen 64 ::1 -reject",
    ]
  `);
});

it("the address that SSH comes from is not rejected by a route of its own", () => {
  expect(rejectedNetworks.filter((network) => network.startsWith("10.0.2."))).toEqual(["10.0.2.3/32"]);
});

it("Windows guests wait for their own time limits", () => {
  expect(findProfile("windows")("opam").rejectConnections).toBeUndefined();
});
