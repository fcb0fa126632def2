import type { ClusterWorker } from "@ob/cluster";
import type { Route } from "./http-server.ts";

/** bull-board below `/board/`, which is loaded with the first request to it. */
export function boardPages(worker: () => Pick<ClusterWorker, "boardQueues"> | undefined): Route {
  let board: Promise<Route> | undefined;
  return async (url) => {
    if (url.pathname === "/board") return { status: 308, headers: { location: "/board/" }, body: "" };
    if (!url.pathname.startsWith("/board/")) return undefined;
    const running = worker();
    if (!running) return { status: 503, body: "The worker starts.\n" };
    board ??= openBoard(running);
    return await (
      await board
    )(url);
  };
}

async function openBoard(worker: Pick<ClusterWorker, "boardQueues">): Promise<Route> {
  const [{ createBoard }, { boardDirectory }] = await Promise.all([
    import("./board.ts"),
    import("./board-directory.ts"),
  ]);
  return await createBoard(await worker.boardQueues(), boardDirectory());
}
