import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { createBullBoard } from "@bull-board/api";
import type { BaseAdapter } from "@bull-board/api/baseAdapter";
import type {
  AppControllerRoute,
  BullBoardQueues,
  IServerAdapter,
  UIConfig,
} from "@bull-board/api/typings/app";
import { abortable, deadline, ObError } from "@ob/core";
import type { Page, Route } from "./http-server.ts";

/** Where the board is served. */
export const boardPath = "/board/";

/** How long Redis gets to answer, in milliseconds. */
const redisTime = 5_000;

/** What of bull-board's interface is answered: all that its pages read, but trees of jobs, which would show all of their data. */
const answered = new Set(["/api/queues", "/api/queues/:queueName/:jobId", "/api/redis/stats"]);

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** Nothing is loaded from elsewhere; styles of elements are set by the pages' script. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";
const headers = { "content-security-policy": policy, "referrer-policy": "no-referrer" };

const uiConfig: UIConfig = {
  boardTitle: "OBuilder",
  hideDocsLink: true,
  showWorkers: false,
  locale: { lng: "en-US" },
};

/**
 * The pages of bull-board, which show queues and change nothing.
 *
 * @param directory that of the package @bull-board/ui.
 */
export async function createBoard(queues: readonly BaseAdapter[], directory: string): Promise<Route> {
  const adapter = new BoardAdapter();
  createBullBoard({
    queues: [...queues],
    serverAdapter: adapter,
    options: { uiBasePath: directory, uiConfig },
  });
  const dist = join(directory, "dist");
  const page = await readPage(join(dist, "index.ejs"));
  const files = await filesBelow(dist);
  return async (url) => {
    if (!url.pathname.startsWith(boardPath)) return undefined;
    const path = url.pathname.slice(boardPath.length - 1);
    if (path.startsWith("/api/")) return await adapter.answer(path, url.searchParams);
    const type = types[extname(path)];
    const file = files.get(path);
    if (type !== undefined && file !== undefined) {
      return { type, headers: { ...headers, "cache-control": "max-age=3600" }, body: await readFile(file) };
    }
    return path.startsWith("/static/") ? undefined : page;
  };
}

/** What bull-board gives to the servers that it knows. */
class BoardAdapter implements IServerAdapter {
  #queues: BullBoardQueues = new Map();
  #routes: readonly AppControllerRoute[] = [];

  setQueues(queues: BullBoardQueues): this {
    this.#queues = queues;
    return this;
  }

  setApiRoutes(routes: AppControllerRoute[]): this {
    this.#routes = routes.filter(({ route }) => typeof route === "string" && answered.has(route));
    return this;
  }

  setViewsPath(): this {
    return this;
  }

  setStaticPath(): this {
    return this;
  }

  setEntryRoute(): this {
    return this;
  }

  setErrorHandler(): this {
    return this;
  }

  setUIConfig(): this {
    return this;
  }

  async answer(path: string, query: URLSearchParams): Promise<Page | undefined> {
    for (const each of this.#routes) {
      const params = matched(String(each.route), path);
      if (!params) continue;
      using limit = deadline(redisTime, () => new ObError("STORE", "Redis does not answer."));
      const request = {
        queues: this.#queues,
        uiConfig,
        query: Object.fromEntries(query),
        params,
        body: {},
        headers: {},
      };
      const { status = 200, body } = await abortable(Promise.resolve(each.handler(request)), limit.signal);
      return { status, type: "application/json", headers, body: JSON.stringify(body) };
    }
    return undefined;
  }
}

/** The parameters of a route, `/queues/:queueName`; undefined if the path is not of it. */
function matched(route: string, path: string): Readonly<Record<string, string>> | undefined {
  const [names, parts] = [route.split("/"), path.split("/")];
  if (names.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    const part = parts[index] ?? "";
    if (name.startsWith(":")) params[name.slice(1)] = decoded(part);
    else if (name !== part) return undefined;
  }
  return params;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The page that loads all others, without what it would load from elsewhere. */
async function readPage(file: string): Promise<Page> {
  const values: Readonly<Record<string, string>> = {
    basePath: boardPath,
    title: "OBuilder",
    favIconDefault: "static/images/logo.svg",
    favIconAlternative: "static/favicon-32x32.png",
    uiConfig: JSON.stringify(uiConfig).replaceAll("<", "\\u003c"),
  };
  const text = await readFile(file, "utf8");
  const body = text
    .replaceAll(/<link [^>]*href="https?:[^>]*>/g, "")
    .replaceAll(/<%[-=] (\w+) %>/g, (_, name: string) => values[name] ?? "");
  return { type: "text/html; charset=utf-8", headers, body };
}

/** All files below `static`, by their paths on the server. */
async function filesBelow(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(join(directory, "static"), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.map((file) => [file.slice(directory.length), file]));
}
