import type { ConfinementStatus } from "@ob/sandbox-qemu";
import { apt, type Check } from "./check.ts";

/** What QEMU cannot do to this host, should a guest break out of it. */
export function confinementChecks(
  { isolated, user, obstacle, cgroupObstacle }: ConfinementStatus,
  uid: number | undefined,
): readonly Check[] {
  const missing = obstacle?.includes("not installed") === true;
  const help = missing ? apt("bubblewrap") : "docs/security.md says what QEMU is confined with.";
  return [
    isolationCheck({ isolated, obstacle, help }),
    userCheck({ user, uid, obstacle, help }),
    limitsCheck(cgroupObstacle),
  ];
}

interface Explained {
  readonly obstacle: string | undefined;
  readonly help: string;
}

function isolationCheck({ isolated, obstacle, help }: Explained & { readonly isolated: boolean }): Check {
  const name = "isolation";
  if (isolated) {
    const text = "QEMU sees its own files only, and has its own mount, PID, IPC and UTS namespaces";
    return { name, state: "ok", text };
  }
  return {
    name,
    state: "warning",
    text: `QEMU sees all files that you see: ${obstacle ?? "not known why"}`,
    help,
  };
}

type UserOptions = Explained & { readonly user: ConfinementStatus["user"]; readonly uid: number | undefined };

function userCheck({ user, uid, obstacle, help }: UserOptions): Check {
  const name = "user";
  if (user === "own")
    return { name, state: "ok", text: "each QEMU runs as a user of its own, without capabilities" };
  if (uid !== 0) return { name, state: "ok", text: "QEMU runs as you, without root's rights" };
  const how = user === "caller" ? "with all rights" : "without capabilities";
  const text = `QEMU runs as root, ${how}: ${obstacle ?? "not known why"}`;
  return { name, state: "warning", text, help };
}

/** What nobody has asked for is not missing. */
function limitsCheck(obstacle: string | undefined): Check {
  const name = "limits";
  if (obstacle === undefined) {
    return {
      name,
      state: "ok",
      text: "each VM has a control group, with limits of its memory and its processes",
    };
  }
  const help = "To limit each VM: systemd-run --user --scope -p Delegate=yes obuilder …";
  return { name, state: "ok", text: `VMs have no control groups: ${obstacle}`, help };
}
