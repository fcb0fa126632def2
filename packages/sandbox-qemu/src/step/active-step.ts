import type { GuestConnection } from "../guest/guest-command.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import type { CopyIn } from "../transfer/copy-in.ts";
import type { GuestRestarts } from "./guest-restarts.ts";
import type { StepPlan } from "./step-plan.ts";

/** A step in its VM. */
export interface ActiveStep extends StepPlan {
  readonly running: GuestSession;
  readonly connection: GuestConnection;
  readonly copy: CopyIn | undefined;
  /** When its guest was there, by `performance.now()`. */
  readonly startedAt: number;
  /** Of a step whose guest may restart. */
  readonly restarts: GuestRestarts | undefined;
}
