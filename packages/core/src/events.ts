import type { LayerId } from "./layer-id.ts";
import type { SpecLocation } from "./spec-location.ts";

/** A step, as the listeners of a build see it. */
export interface StepInfo {
  readonly id: LayerId;
  readonly base: LayerId | undefined;
  readonly op: "from" | "run" | "copy";
  /** The step in the original's words: `(from base)` or `/src: (run (shell make))`. */
  readonly heading: string;
  /** Names of the nested builds around the step, outermost first; empty in the main build. */
  readonly build: readonly string[];
  /** Where the step is in the spec; absent if the spec was not parsed from a text, or its text is not known. */
  readonly at?: SpecLocation | undefined;
}

/** What a virtual machine is doing now. */
export type Phase = "boot" | "login" | "mount" | "copy" | "run" | "flush" | "stop" | "commit";

/** How the virtual machine of a step came to run: booted, resumed from a VM snapshot, kept from the step before, or kept ready. */
export type VmStart = "boot" | "resume" | "reuse" | "warm";

/** Everything that a library reports. Only `cli` prints. */
export type ObEvent =
  | { readonly type: "step-started"; readonly step: StepInfo }
  /** Bytes of the step's log, as they come; replayed from the store for a cached step. */
  | { readonly type: "step-output"; readonly step: StepInfo; readonly bytes: Uint8Array }
  | {
      readonly type: "step-finished";
      readonly step: StepInfo;
      readonly outcome: "saved" | "cached" | "failed" | "cancelled";
      readonly milliseconds: number;
    }
  /** A line of the original's transcript for what makes no layer: `/src: (env K V)`, `--> finished "tools"`. */
  | {
      readonly type: "note";
      readonly text: string;
      /** As `StepInfo.build`; absent for a line that does not belong to a build. */
      readonly build?: readonly string[] | undefined;
    }
  | { readonly type: "phase"; readonly layer: LayerId; readonly phase: Phase }
  /** The virtual machine of a step runs. */
  | {
      readonly type: "vm-started";
      readonly layer: LayerId;
      readonly start: VmStart;
      /** Why the VM of the step before was not reused, if it was kept for this one. Nothing in it comes from a guest. */
      readonly reason?: string | undefined;
    }
  /** The virtual machine of a step is not kept for the next one. */
  | {
      readonly type: "vm-not-kept";
      readonly layer: LayerId;
      /** Nothing in it comes from a guest. */
      readonly reason: string;
    }
  /** A program is about to run on the host. It has no secrets in it: they are never passed in an argv. */
  | { readonly type: "exec"; readonly argv: readonly string[] }
  | { readonly type: "log"; readonly level: "debug" | "info" | "warning"; readonly text: string };

export type Emit = (event: ObEvent) => void;

/** For callers that do not listen. */
export const noopEmit: Emit = () => undefined;
