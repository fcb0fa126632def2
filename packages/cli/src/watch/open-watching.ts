import type { WorkerWatch } from "@ob/cluster";
import { disposableWith, type Emit } from "@ob/core";
import type { OnProgress } from "@ob/registry";
import type { HttpAddress, WatchSettings } from "../args/watch-options.ts";
import type { Verbosity } from "../args/options.ts";
import type { StartedWorker } from "../cluster/cluster-ports.ts";
import type { ProcessIo } from "../process-io.ts";
import type { HttpServer } from "./http-server.ts";
import type { WorkerMetrics } from "./metrics.ts";
import { openTracing } from "../trace/tracing.ts";
import type { JsonLog } from "./json-log.ts";

export interface WatchingOptions {
  readonly settings: WatchSettings;
  readonly io: ProcessIo;
  readonly verbosity: Verbosity;
  /** The worker's name. */
  readonly name: string;
  /** The log in text. */
  readonly emit: Emit;
}

/** What a worker is watched by. Disposing of it ends its server. */
export interface Watching extends AsyncDisposable {
  readonly watches: readonly WorkerWatch[];
  readonly onTransfer: OnProgress | undefined;
  /** Where libraries log. */
  readonly emit: Emit;
  /** The log of `--log-format=json`. */
  readonly log: JsonLog | undefined;
  /** Where `--http` is served. */
  readonly url: string | undefined;
  /** True if bull-board is served there. */
  readonly hasBoard: boolean;
  /** To be called once the worker has started: before, it is not ready. */
  readonly onStarted: (started: StartedWorker) => void;
}

/** Opens what the options of a worker ask for, and loads nothing else. @throws ObError `USAGE` for an address in use. */
export async function openWatching({
  settings,
  io,
  verbosity,
  name,
  emit,
}: WatchingOptions): Promise<Watching> {
  const { http, board, logFormat } = settings;
  let started: StartedWorker | undefined;
  await using stack = new AsyncDisposableStack();
  const watches: WorkerWatch[] = [];
  let log: JsonLog | undefined;
  if (logFormat === "json") {
    const { createJsonLog } = await import("./json-log.ts");
    log = createJsonLog({ stdout: io.stdout, worker: name, verbosity });
    watches.push(log.watch);
  }
  const tracing = await openTracing(io.env, log?.emit ?? emit);
  if (tracing) {
    const { traceWorker } = await import("../trace/trace-worker.ts");
    watches.push(traceWorker(stack.use(tracing), name));
  }
  let served: Served | undefined;
  if (http) {
    served = await serve({ http, board }, () => started);
    watches.push(served.metrics.watch);
    stack.use(served.server);
  }
  const onStarted = (worker: StartedWorker) => void (started = worker);
  const shown = { log, url: served?.server.url, hasBoard: board, emit: log?.emit ?? emit };
  return disposableWith({ watches, onTransfer: served?.metrics.onTransfer, onStarted, ...shown }, stack);
}

interface Served {
  readonly metrics: WorkerMetrics;
  readonly server: HttpServer;
}

async function serve(
  { http, board }: { readonly http: HttpAddress; readonly board: boolean },
  started: () => StartedWorker | undefined,
): Promise<Served> {
  const [{ createMetrics }, { serveHttp }, { workerPages }, { boardPages }] = await Promise.all([
    import("./metrics.ts"),
    import("./http-server.ts"),
    import("./worker-pages.ts"),
    import("./board-pages.ts"),
  ]);
  const metrics = createMetrics(() => started()?.worker);
  const pages = workerPages(started, metrics);
  const boards = board ? boardPages(() => started()?.worker) : () => undefined;
  return { metrics, server: await serveHttp(http, async (url) => (await boards(url)) ?? (await pages(url))) };
}
