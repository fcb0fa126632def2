import type { GuestUser } from "@ob/core";
import type { Op, Spec } from "@ob/spec";
import { guestUser, resolveGuestPath } from "./context.ts";

/** What the ops of a stage before an op have set, as far as the spec alone says it. */
export interface OpSetting {
  readonly workdir: string;
  readonly shell: readonly string[];
  readonly user: GuestUser | undefined;
  /** Newest first, each key once; without the base image's. */
  readonly environment: readonly (readonly [key: string, value: string])[];
}

export interface SpecOp {
  readonly op: Op;
  readonly setting: OpSetting;
}

/** The spec and its nested specs, in build order. Nesting may have any depth. */
export function* allSpecs(spec: Spec): Generator<Spec> {
  const pending: { readonly spec: Spec; next: number }[] = [{ spec, next: 0 }];
  for (let top = pending.at(-1); top; top = pending.at(-1)) {
    const nested = top.spec.builds[top.next++];
    if (nested) {
      pending.push({ spec: nested.spec, next: 0 });
    } else {
      yield top.spec;
      pending.pop();
    }
  }
}

/** The ops of one stage, each with what is set where it stands. */
export function* opsOf(spec: Spec): Generator<SpecOp> {
  let setting: OpSetting = { workdir: "/", shell: [], user: undefined, environment: [] };
  for (const op of spec.ops) {
    yield { op, setting };
    setting = afterOp(op, setting);
  }
}

/** Every op of the spec and its nested specs, in build order. */
export function* allOps(spec: Spec): Generator<SpecOp> {
  for (const each of allSpecs(spec)) yield* opsOf(each);
}

function afterOp(op: Op, setting: OpSetting): OpSetting {
  switch (op.op) {
    case "workdir":
      return { ...setting, workdir: resolveGuestPath(setting.workdir, op.directory) };
    case "shell":
      return { ...setting, shell: op.arguments };
    case "user":
      return { ...setting, user: guestUser(op) };
    case "env": {
      const others = setting.environment.filter(([key]) => key !== op.key);
      return { ...setting, environment: [[op.key, op.value], ...others] };
    }
    case "comment":
    // `expandRequest` has left none.
    case "arg":
    case "run":
    case "copy":
      return setting;
  }
}
