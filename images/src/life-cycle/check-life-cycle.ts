import { basename, dirname, join } from "node:path";
import { randomUUID } from "node:crypto";
import { arch, cpus, homedir, release, totalmem, type as osType } from "node:os";
import {
  checkOptions,
  type GuestArch,
  exists,
  noopEmit,
  type Emit,
  storeLayout,
  throwIfCancelled,
} from "@ob/core";
import type { OnImageEvent } from "../build/phases.ts";
import { type CheckRequest, findImage, type FoundImage, smokeTestOf } from "../check/find-image.ts";
import { bootCases, type FirstBoot } from "./boot-case.ts";
import type { CaseChain, CaseResult, CaseSubject } from "./case.ts";
import { secretId } from "./cases/mounts.ts";
import { caseChains } from "./chains.ts";
import { copyBackCase } from "./copy-back-case.ts";
import type { LifeCycleEngine, OpenEngine } from "./engine.ts";
import { guestPaths } from "./guest-paths.ts";
import { listenForGuests } from "./host-listener.ts";
import { machineCases } from "./machine-cases.ts";
import { Recorder } from "./recorder.ts";
import type { CheckHost, LifeCycleReport } from "./report.ts";
import { ResultList } from "./result-list.ts";
import { type ChainTools, runChain } from "./run-chain.ts";
import { redactor, safeText } from "./safe-text.ts";
import { makeSourceTree } from "./source-tree.ts";
import { checkedImage, type ThrowAwayStore, throwAwayStore } from "./throw-away-store.ts";

export interface LifeCycleTools {
  /** Path of the store with the image; nothing in it is changed. */
  readonly store: string;
  readonly openEngine: OpenEngine;
  readonly describeHost: (guestArch: GuestArch, signal: AbortSignal) => Promise<CheckHost>;
  readonly onEvent?: OnImageEvent | undefined;
  /** Gets what the builds of the check report. */
  readonly emit?: Emit | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The least time that a step may take, and how many boots more, in milliseconds. */
const stepTimeout = { least: 600_000, boots: 20 };

/**
 * Runs everything that a build can do on an image, in a store of its own that is removed afterwards, however it ends. A case
 * that fails is in the report; it is no error.
 *
 * @throws ObError `BASE_IMAGE`, `USAGE` if there is no such image, `STORE`, `NO_SPACE`, `CANCELLED`.
 */
export async function checkLifeCycle(request: CheckRequest, tools: LifeCycleTools): Promise<LifeCycleReport> {
  checkOptions("checkLifeCycle", request, { image: "string", loginUser: "string?", sshKey: "string?" });
  checkOptions("checkLifeCycle", tools, {
    store: "string",
    openEngine: "function",
    describeHost: "function",
  });
  const startedAt = performance.now();
  const { signal = new AbortController().signal, emit = noopEmit, onEvent = () => undefined } = tools;
  const image = await findImage(request, storeLayout(tools.store).root);
  const host = await tools.describeHost(image.manifest.guestArch, signal);
  const recorder = new Recorder();
  await using store = await throwAwayStore(storeLayout(tools.store).root, image);
  const known = [dirname(store.sources), storeLayout(tools.store).root, dirname(image.disk)];
  const redact = redactor(homedir() === "/root" ? known : [...known, homedir()]);
  const safe = (text: string): string => safeText(redact(text));
  const results = new ResultList(safe, onEvent);
  const onResult = (result: CaseResult): void => results.report(result);
  const check = { image, store, recorder, results, onResult, onEvent, emit, signal };
  await using engine = await tools.openEngine(store.directory);
  const boot = await firstBoot(engine, check);
  await buildingCases(engine, boot, check);
  const { timings, starts } = recorder;
  const name = safe(basename(request.image));
  return {
    version: 1,
    passed: boot.bootMs !== undefined && results.all.every(({ outcome }) => outcome !== "failed"),
    made: new Date().toISOString(),
    milliseconds: performance.now() - startedAt,
    host: { ...host, ...thisHost() },
    image: describeImage(image, { name, safe }),
    guest: safeFacts(boot, safe),
    cases: results.all,
    timings,
    starts: { ...starts, reasons: starts.reasons.map(safe) },
    warnings: recorder.warnings.map(safe),
  };
}

interface Check {
  readonly image: FoundImage;
  readonly store: ThrowAwayStore;
  readonly recorder: Recorder;
  readonly results: ResultList;
  readonly onResult: (result: CaseResult) => void;
  readonly onEvent: OnImageEvent;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

async function firstBoot(engine: LifeCycleEngine, check: Check): Promise<FirstBoot> {
  const { image, store, recorder, onResult, onEvent, signal } = check;
  const { manifest, manifestDirectory, scratch } = store;
  onEvent({ type: "phase-started", phase: "Boot it, log in, run the checks, shut it down" });
  const boot = await bootCases(
    { manifest, manifestDirectory, disk: image.disk, ...smokeTestOf(image) },
    { startSmokeTest: engine.startSmokeTest, scratch, onResult, signal },
  );
  if (boot.bootMs !== undefined) recorder.add("first boot, to the login", boot.bootMs);
  return boot;
}

async function buildingCases(engine: LifeCycleEngine, boot: FirstBoot, check: Check): Promise<void> {
  const { image, store, recorder, results, onResult, onEvent, emit, signal } = check;
  const { guestOs, loginUser } = image.manifest;
  const nonce = randomUUID().replaceAll("-", "");
  await makeSourceTree(store.sources);
  await using listener = await listenForGuests(nonce);
  const subject: CaseSubject = {
    ...{ image: checkedImage, guestOs, loginUser, nonce },
    ...{ paths: guestPaths(guestOs), facts: boot.facts, listener: listener.at },
  };
  const chains = caseChains(subject);
  if (boot.bootMs === undefined) {
    const cases = chains.flatMap(({ groups }) => groups).flatMap((group) => group.cases);
    const reason = "Not run: the image did not boot.";
    for (const { name } of cases) results.add({ name, outcome: "skipped", reason });
    onEvent({ type: "check", what: `${cases.length} further cases`, outcome: "skipped", detail: reason });
    return;
  }
  const layers = storeLayout(store.directory).results;
  const tools: ChainTools = {
    ...{ engine, recorder, onResult, emit, signal, image: checkedImage, sourceDirectory: store.sources },
    secrets: new Map([[secretId, Buffer.from(nonce + nonce)]]),
    stepTimeoutMs: Math.max(stepTimeout.least, stepTimeout.boots * boot.bootMs),
    outputs: new Map(),
    mark: `obuilder-check-${nonce.slice(0, 12)}`,
    isStored: (id) => exists(join(layers, id)),
    onStart: (name) => onEvent({ type: "phase-started", phase: name }),
  };
  for (const chain of chains) await oneChain(chain, { subject, tools });
  for (const result of machineCases(recorder.starts, image.manifest)) onResult(result);
}

async function oneChain(
  chain: CaseChain,
  { subject, tools }: { readonly subject: CaseSubject; readonly tools: ChainTools },
): Promise<void> {
  const { results, layer } = await runChain(chain, tools);
  throwIfCancelled(tools.signal);
  const cases = chain.groups.flatMap((group) => group.cases);
  const copied = cases.flatMap(({ name, tree }) => {
    const passed = results.some((result) => result.name === name && result.outcome === "passed");
    return tree !== undefined && passed ? [tree] : [];
  });
  if (copied.length > 0 && layer !== undefined) await copyBackCase({ layer, copied, subject }, tools);
}

function safeFacts({ facts }: FirstBoot, safe: (text: string) => string): FirstBoot["facts"] {
  const { system, release: said, shell, hasNobody, tools } = facts;
  return { system: safe(system), release: safe(said), shell: safe(shell), hasNobody, tools: tools.map(safe) };
}

function describeImage(
  { manifest, hasManifest }: FoundImage,
  { name, safe }: { readonly name: string; readonly safe: (text: string) => string },
): LifeCycleReport["image"] {
  const { sshKey: _, ...shown } = manifest;
  const { directBoot, virtualSize } = shown;
  const clean = directBoot && { ...directBoot, commandLine: safe(directBoot.commandLine) };
  return { name, manifest: { ...shown, ...(clean && { directBoot: clean }) }, hasManifest, virtualSize };
}

function thisHost() {
  return {
    system: `${osType()} ${release()}`,
    arch: arch(),
    cpus: cpus().length,
    memoryMib: Math.round(totalmem() / 2 ** 20),
  };
}
