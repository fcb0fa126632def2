import { guestArchNames, hostGuestArch } from "@ob/core";
import { storeOptions, stringOption } from "../args/options.ts";
import { parseStoreLocation } from "../args/store-location.ts";
import type { Check } from "../doctor/check.ts";
import { confinementChecks } from "../doctor/confinement-checks.ts";
import { hostChecks, thisHost } from "../doctor/host-checks.ts";
import { networkCheck, otherQemuCheck, qemuChecks } from "../doctor/qemu-checks.ts";
import { storeChecks } from "../doctor/store-checks.ts";
import { exitCodes } from "../exit-codes.ts";
import { colorsFor, type Palette } from "../output/colors.ts";
import { jsonLine, printableLine } from "../output/printable.ts";
import type { Command } from "./command.ts";
import type { Session } from "./session.ts";

export const doctor: Command = {
  description:
    "Checks what this host has for builds and what it lacks: QEMU, KVM, the network, programs, memory, protection of the host, and " +
    "the store if one is given. It exits with 4 if builds cannot run here; warnings do not change the exit code.",
  positionals: [],
  options: {
    ...storeOptions,
    json: {
      kind: "flag",
      describe: 'One object per line: {"name","state","text","help"}; state is ok, warning or failure',
      group: "Output:",
    },
  },
  examples: [
    ["obuilder doctor", "the host"],
    ["obuilder doctor --store=qemu:/var/cache/obuilder", "the host and a store"],
  ],

  async run(args, session) {
    const { io, color } = session;
    const checks = await allChecks(stringOption(args, "store"), session);
    const colors = colorsFor(io.stdout, { mode: color, env: io.env });
    for (const check of checks) {
      io.stdout.write(args["json"] === true ? `${jsonLine(asJson(check))}\n` : lineOf(check, colors));
    }
    return checks.some(({ state }) => state === "failure") ? exitCodes.failure : exitCodes.ok;
  },
};

async function allChecks(store: string | undefined, { services, io }: Session): Promise<readonly Check[]> {
  const given = store ?? io.env["OBUILDER_STORE"];
  const location = given === undefined || given === "" ? undefined : parseStoreLocation(given);
  const found = await Promise.all(guestArchNames.map((arch) => services.diagnoseQemu(arch, io.signal)));
  // Those of the host's own architecture, or else amd64, are what builds here need.
  const own = hostGuestArch() ?? "amd64";
  const [others, installed] = [true, false].map((isOther) =>
    found.filter(({ arch, version }) => (version === undefined && arch !== own) === isOther),
  );
  return [
    ...(installed ?? []).flatMap((each) => qemuChecks(each, each.arch === own)),
    ...otherQemuCheck(others ?? []),
    networkCheck(found),
    ...(await hostChecks(thisHost)),
    ...confinementChecks(await services.diagnoseConfinement(), thisHost.uid),
    ...(location ? await storeChecks(location.directory) : []),
  ];
}

function asJson({
  name,
  state,
  text,
  help = null,
}: Omit<Check, "help"> & { help?: string | null | undefined }) {
  return { name, state, text, help };
}

const nameWidth = 13;

function lineOf({ name, state, text, help }: Check, colors: Palette): string {
  const mark = { ok: colors.green("ok  "), warning: colors.yellow("warn"), failure: colors.red("fail") }[
    state
  ];
  const hint = help === undefined ? "" : `\n${" ".repeat(nameWidth + 7)}${colors.dim(printableLine(help))}`;
  return `${mark}  ${name.padEnd(nameWidth)} ${printableLine(text)}${hint}\n`;
}
