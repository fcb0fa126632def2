import * as v from "valibot";

/** What a client submits. */
export const submissionSchema = v.strictObject({
  v: v.literal(1),
  /** A `BuildRecord`, as JSON. */
  record: v.string(),
  /** The sealed secrets; see `sealSecrets`. */
  secrets: v.optional(v.string()),
});
export type Submission = v.InferOutput<typeof submissionSchema>;

/** An entry of the stream of submissions names a build. */
export const buildNameSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/));
