import type { ImageSpeed, StartSmokeTest, SmokeTestRequest } from "@ob/core";
import type { ImageTools } from "../build/build-image.ts";
import type { ImageEvent } from "../build/phases.ts";

export interface Script {
  /** A substring of the guest script that fails. */
  readonly failing?: string;
  /** How the guest shuts down. */
  readonly powerOff?: "acpi" | "command";
  /** By default that of a guest which is booted for each step. */
  readonly speed?: ImageSpeed;
}

const bootedSpeed: ImageSpeed = {
  first: { kind: "booted", why: "guest-os" },
  further: { kind: "started", why: "guest-os" },
  possiblePoints: [],
};

export interface ScriptedTools extends ImageTools {
  /** The smoke tests that were requested. */
  readonly booted: readonly SmokeTestRequest[];
  /** The outcomes of the checks. */
  readonly said: readonly string[];
}

/** Tools without QEMU: a simulated guest in which every check passes unless `script` says otherwise. */
export function scriptedTools(store: string, script: Script = {}): ScriptedTools {
  const { failing, powerOff = "acpi", speed = bootedSpeed } = script;
  const booted: SmokeTestRequest[] = [];
  const said: string[] = [];
  const startSmokeTest: StartSmokeTest = async (request) => {
    booted.push(request);
    return {
      rootAccess: "sudo needs no password",
      checks: [
        { what: "tar is GNU tar", script: "tar --version", required: true },
        { what: "has bash", script: "command -v bash", required: true },
        {
          what: "sshd takes environment variables (AcceptEnv)",
          script: '[ "$OBUILDER_CHECK" = yes ]',
          required: false,
        },
      ],
      run: async (command) => {
        const fails = failing !== undefined && command.script.includes(failing);
        return { status: fails ? 1 : 0, stdout: fails ? "the script says no\n" : "", stderr: "" };
      },
      speed: async () => speed,
      powerOff: async () => powerOff,
      [Symbol.asyncDispose]: async () => undefined,
    };
  };
  const onEvent = (event: ImageEvent): void => {
    if (event.type === "check") said.push(event.outcome === "passed" ? event.what : `warning: ${event.what}`);
  };
  const resolveCpuArgs: ImageTools["resolveCpuArgs"] = async () => ["-accel", "tcg"];
  return { store, startSmokeTest, resolveCpuArgs, onEvent, booted, said };
}
