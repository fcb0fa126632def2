import * as v from "valibot";

const claimResult = v.union([
  v.tuple([v.literal("claimed")]),
  v.tuple([v.literal("published"), v.string()]),
  v.tuple([v.picklist(["held", "fatal"]), v.string()]),
  v.tuple([v.picklist(["unwanted", "failed"])]),
]);

/** What became of a claim. */
export type ClaimResult =
  | { readonly kind: "claimed" }
  | { readonly kind: "published"; readonly digest: string }
  /** Another worker is making the layer, or has made it and not published it. */
  | { readonly kind: "held"; readonly worker: string }
  /** No build wants the layer. */
  | { readonly kind: "unwanted" }
  /** The step has failed since the chain was asked for. */
  | { readonly kind: "failed" }
  /** The step has killed as many workers as it may; their names. */
  | { readonly kind: "fatal"; readonly workers: string };

/** Reads the answer of the scripts. */
export function toClaimResult(answer: unknown): ClaimResult {
  const result = v.parse(claimResult, answer);
  switch (result[0]) {
    case "published":
      return { kind: "published", digest: result[1] };
    case "held":
      return { kind: "held", worker: result[1] };
    case "fatal":
      return { kind: "fatal", workers: result[1] };
    case "claimed":
    case "unwanted":
    case "failed":
      return { kind: result[0] };
  }
}
