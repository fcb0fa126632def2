import { attachBuild, submitBuild } from "@ob/cluster";
import { errorMessage, type LayerId } from "@ob/core";
import type { Registry } from "@ob/registry";
import { parseSpec } from "@ob/spec";
import type { connectRedis } from "@ob/cluster";
import { PlanningStore } from "../../../packages/cli/src/cluster/planning-store.ts";
import { specText } from "../store/spec.ts";

/** The pool of all workers of the campaign. */
export const pool = "campaign";

/** Submits the spec of the campaigns, and waits for its end. @returns the last layer, or the error in words. */
export async function submitSpec(
  redis: Awaited<ReturnType<typeof connectRedis>>,
  registry: Registry,
): Promise<{ readonly built: LayerId } | { readonly error: string }> {
  const request = { spec: parseSpec(specText, { file: "campaign.spec" }), sourceDirectory: "/nonexistent" };
  try {
    const store = new PlanningStore(registry);
    const build = await submitBuild(request, { redis, store, poolOf: () => pool, client: "campaign" });
    return { built: await attachBuild(build, { redis, emit: () => undefined }) };
  } catch (error) {
    return { error: errorMessage(error) };
  }
}
