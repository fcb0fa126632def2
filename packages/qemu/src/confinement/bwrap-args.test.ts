import { describe, expect, it } from "vitest";
import { bwrapCommand, isInSystem } from "./bwrap-args.ts";

const options = {
  bwrap: "/usr/bin/bwrap",
  root: "/run/root",
  binds: [
    { kind: "write", source: "/run/write-0", target: "/store/result-tmp" },
    { kind: "read", source: "/other/kernel", target: "/other/kernel" },
    { kind: "device", source: "/dev/kvm", target: "/dev/kvm" },
  ],
  hostNetwork: true,
  privileges: { kind: "none" },
} as const;
const setpriv = "/usr/bin/setpriv";

describe("the command that confines QEMU", () => {
  it("ends with its starter, and has namespaces of its own; root's needs no user namespace", () => {
    const command = bwrapCommand(options);
    expect(command[0]).toBe("/usr/bin/bwrap");
    for (const each of ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]) {
      expect(command).toContain(each);
    }
    // Process 1 of the namespace must be bwrap's: see `bwrapCommand`.
    expect(command).not.toContain("--as-pid-1");
    expect(command).toContain("--unshare-user");
    // The caller can be root in a user namespace of its own.
    expect(command.join(" ")).toContain("--cap-drop ALL");
    expect(bwrapCommand({ ...options, privileges: { kind: "capabilities", setpriv } })).not.toContain(
      "--unshare-user",
    );
  });

  it("has the host's network only where QEMU opens its connections", () => {
    expect(bwrapCommand(options)).not.toContain("--unshare-net");
    const alone = bwrapCommand({ ...options, hostNetwork: false });
    expect(alone).toContain("--unshare-net");
    expect(alone).not.toContain("/etc/resolv.conf");
  });

  it("shows programs and libraries read-only, nothing of homes and of /etc, and what it is given", () => {
    const text = bwrapCommand(options).join(" ");
    expect(text).toContain("--bind /run/root / --ro-bind-try /usr /usr");
    expect(text).toContain("--bind /run/write-0 /store/result-tmp");
    expect(text).toContain("--ro-bind /other/kernel /other/kernel");
    expect(text).toContain("--dev-bind /dev/kvm /dev/kvm");
    expect(text).toMatch(/--remount-ro \/ --chdir \/ --$/);
    expect(text).not.toMatch(
      / (?:\/|\/etc|\/home|\/root|\/var|\/run|\/tmp) (?:\/etc|\/home|\/root|\/var|\/run|\/tmp) /,
    );
  });

  it("changes root's user and groups, and drops all capabilities", () => {
    const user = { id: 2_001, readers: 2_000 };
    const command = bwrapCommand({ ...options, privileges: { kind: "user", user, groups: [104], setpriv } });
    expect(command.slice(command.indexOf("--") + 1).join(" ")).toBe(
      "/usr/bin/setpriv --reuid 2001 --regid 2001 --groups 2000,104 --no-new-privs --inh-caps=-all --bounding-set=-all --",
    );
  });
});

it("only programs of the system are seen by a confined process", () => {
  expect(["/usr/bin/qemu", "/usr/local/bin/qemu", "/opt/qemu", "/usrx/qemu"].map(isInSystem)).toEqual([
    ...[true, true, false, false],
  ]);
});
