import type { LayerId } from "../layer-id.ts";

/** A name that a user has given to a layer. The layer, and what it is based on, is not pruned. */
export interface LayerTag {
  /** See `parseTagName`. */
  readonly name: string;
  readonly id: LayerId;
  /** When the layer got the name. */
  readonly created: Date;
}

/** The step that a layer is the result of. */
export interface LayerStep {
  readonly op: "from" | "run" | "copy";
  /** The op as in the transcript of a build, for example `/src: (run (shell make))`. */
  readonly heading: string;
  /** What went into the id, as JSON; never the value of a secret. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** A step as the store has recorded it. */
export interface RecordedStep extends LayerStep {
  /** How long it took from its begin to its commit, in milliseconds. */
  readonly milliseconds: number;
}

/** A row of the store's database. */
export interface LayerRecord {
  readonly id: LayerId;
  readonly parent: LayerId | undefined;
  readonly created: Date;
  readonly lastUsed: Date;
  /** How many layers have this one as their parent. */
  readonly dependents: number;
}
