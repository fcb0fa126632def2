/** Moves build contexts from clients to workers, for example as blobs of a registry. */
export interface ContextTransport {
  /**
   * Shares what the copies of a build can take.
   *
   * @returns its digest.
   */
  publish(context: ContextSource, signal?: AbortSignal): Promise<string>;
  /** A directory with the context. Disposing of it allows its removal. */
  fetch(digest: string, signal?: AbortSignal): Promise<FetchedContext>;
}

export interface ContextSource {
  /** See `BuildRequest`. */
  readonly directory: string;
  readonly ignoreFile?: string | false | undefined;
}

export interface FetchedContext extends AsyncDisposable {
  /** Its absolute path. Ignored files are left out of it. */
  readonly directory: string;
}
