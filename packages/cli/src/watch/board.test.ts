import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pool, startRedis, startWatchedWorker, type TestRedis } from "./watched-worker.test.helper.ts";

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => await redis[Symbol.asyncDispose]());

interface BoardJob {
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface BoardQueue {
  readonly name: string;
  readonly readOnlyMode: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly jobs: readonly BoardJob[];
}

/** The answer to a path exactly as it is given: `fetch` would resolve dots. */
async function get(url: string, path: string, method = "GET") {
  return await new Promise<{ readonly status: number | undefined; readonly text: string }>(
    (resolve, reject) => {
      const { hostname, port } = new URL(url);
      const sent = request({ hostname, port, path, method }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, text }));
      });
      sent.on("error", reject);
      sent.end();
    },
  );
}

test("--board serves the pages of bull-board, which load nothing from elsewhere", async () => {
  await using worker = await startWatchedWorker(redis, ["--http", "0", "--board"]);
  expect(worker.stdout()).toContain(`It is watched at ${worker.url} and ${worker.url}/board/\n`);
  const page = await fetch(`${worker.url}/board`);
  expect(page.url).toBe(`${worker.url}/board/`);
  const policy = page.headers.get("content-security-policy");
  expect(policy).toMatch(/^default-src 'none'; script-src 'self';/);
  expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
  const html = await page.text();
  expect(html).toContain('<base href="/board/" />');
  expect(html).not.toMatch(/<%|(src|href)="(https?:)?\/\//);
  const files = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, file]) => file ?? "");
  expect(files.length).toBeGreaterThan(5);
  for (const file of [...files, "static/locales/en-US/messages.json"]) {
    const answer = await fetch(`${worker.url}/board/${file}`);
    expect([file, answer.status]).toEqual([file, 200]);
    expect(answer.headers.get("content-type")).not.toContain("text/plain");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  }
  // The page of a queue is made by the script of the same page.
  expect((await fetch(`${worker.url}/board/queue/ob-builds`)).status).toBe(200);
  for (const path of [
    "static/x.js",
    "static/../index.ejs",
    "static/%2e%2e/index.ejs",
    "static/..%2f..%2fpackage.json",
  ]) {
    expect([path, (await get(worker.url, `/board/${path}`)).text]).toEqual([
      path,
      expect.not.stringContaining("<%"),
    ]);
    expect([path, (await get(worker.url, `/board/${path}`)).text]).toEqual([
      path,
      expect.not.stringContaining("bull-board/ui"),
    ]);
  }
});

test("the board shows to which build, pool and layers a job belongs, nothing else of it, and changes nothing", async () => {
  await using worker = await startWatchedWorker(redis, ["--http", "0", "--board"]);
  const built = worker.build('((from base) (env TOKEN hush-1) (run (shell "wait")))');
  await worker.gate.reached;
  const queuesOf = async (query = "") => {
    const { text } = await get(worker.url, `/board/api/queues?page=1&jobsPerPage=10${query}`);
    expect(text).not.toMatch(/hush-1|shell|\(from base\)/);
    return (JSON.parse(text) as { readonly queues: readonly BoardQueue[] }).queues;
  };
  const chains = `ob-${pool}`;
  const queues = await queuesOf();
  expect(queues.map(({ name, readOnlyMode, counts }) => [name, readOnlyMode, counts["active"]])).toEqual([
    ["ob-builds", true, 1],
    [chains, true, 1],
  ]);
  const shown = (await queuesOf(`&activeQueue=${chains}&status=active`)).find(({ name }) => name === chains);
  const [job] = shown?.jobs ?? [];
  expect(job?.data).toEqual({
    build: expect.stringMatching(/^\w+$/),
    pool,
    chain: [expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)],
  });
  const path = `/board/api/queues/${chains}/${job?.id}`;
  const one = await get(worker.url, path);
  expect(one.text).not.toMatch(/hush-1|shell|\(from base\)/);
  expect(JSON.parse(one.text)).toMatchObject({ job: { data: job?.data }, status: "active" });
  for (const more of ["/flow", "/logs"]) expect((await get(worker.url, path + more)).status).toBe(404);
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    expect((await get(worker.url, `${path}/clean`, method)).status).toBe(405);
    expect((await get(worker.url, `/board/api/queues/${chains}/pause`, method)).status).toBe(405);
  }
  expect((await get(worker.url, "/board/api/queues/none/1")).status).toBe(404);
  expect((await get(worker.url, "/board/api/redis/stats")).text).toContain('"version"');
  worker.gate.open();
  expect(await built).toMatch(/^[0-9a-f]{64}$/);
});

test("without --board there is none", async () => {
  await using worker = await startWatchedWorker(redis, ["--http", "0"]);
  expect((await fetch(`${worker.url}/board/`)).status).toBe(404);
});
