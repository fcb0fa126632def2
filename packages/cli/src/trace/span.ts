/** A span that has not ended. */
export interface OpenSpan {
  /** W3C trace context for its children. */
  readonly traceparent: string;
  /** Ends it now. @param outcome an attribute; `failed` makes it an error. */
  end(outcome: string): void;
}

export interface SpanOptions {
  /** W3C trace context; absent for the root of a trace. */
  readonly parent?: string | undefined;
  /** When it began, in milliseconds since the epoch; now if absent. */
  readonly startTime?: number | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

/** Where spans go. Disposing of it sends what is left, for some seconds at most. */
export interface Tracing extends AsyncDisposable {
  start(name: string, options?: SpanOptions): OpenSpan;
}
