// Builds the spec: shows each step as a group of the job's log, and writes the id, a summary and, if the build fails, an annotation
// where the failed step is in the spec.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const env = process.env;
const store = env.STORE || join(env.RUNNER_TEMP, "obuilder-store");
mkdirSync(store, { recursive: true });

const given = (option, value) => (value ? [`${option}=type=registry,ref=${value}`] : []);
const args = [
  "build",
  "--progress=json",
  `--store=qemu:${store}`,
  ...given("--cache-from", env.CACHE_FROM),
  ...given("--cache-to", env.CACHE_TO && `${env.CACHE_TO},mode=max,ignore-error=true`),
  ...(env.OPTIONS ?? "").split("\n").flatMap((line) => line.trim() || []),
  "-f",
  env.SPEC,
  env.CONTEXT || ".",
];

const steps = new Map();
let result;
let open;

const child = spawn("obuilder", args, { stdio: ["ignore", "pipe", "pipe"] });
const ended = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
createInterface({ input: child.stderr }).on("line", showMessage);
for await (const line of createInterface({ input: child.stdout })) onEvent(JSON.parse(line));
const status = (await ended) ?? 1;

closeGroup();
if (result?.outcome === "succeeded") appendFileSync(env.GITHUB_OUTPUT, `id=${result.id}\n`);
else if (result) annotate(result);
appendFileSync(env.GITHUB_STEP_SUMMARY, summary());
process.exitCode = status;

function onEvent(event) {
  switch (event.type) {
    case "step-started":
      steps.set(event.id, { heading: event.heading, outcome: "running", milliseconds: 0 });
      openGroup(event.id);
      break;
    case "step-output":
      if (open?.id !== event.id) openGroup(event.id);
      process.stdout.write(event.text);
      open.fresh = event.text.endsWith("\n");
      break;
    case "step-finished":
      Object.assign(steps.get(event.id) ?? {}, { outcome: event.outcome, milliseconds: event.milliseconds });
      break;
    case "note":
      command("notice", event.text);
      break;
    case "result":
      result = event;
  }
}

// An error has the last lines of a step's output in it, so that messages are shown like output.
function showMessage(line) {
  if (open) {
    if (!open.fresh) print("");
    open.fresh = true;
    print(line);
    return;
  }
  const token = randomUUID();
  print(`::stop-commands::${token}`);
  print(line);
  print(`::${token}::`);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}

// The runner takes lines that begin with `::` for commands, and what a guest prints is not ours: within a group none are read, until
// a word that the guest cannot know.
function openGroup(id) {
  closeGroup();
  open = { id, token: randomUUID(), fresh: true };
  print(`::group::${escapeData(steps.get(id)?.heading ?? id)}`);
  print(`::stop-commands::${open.token}`);
}

function closeGroup() {
  if (!open) return;
  if (!open.fresh) print("");
  print(`::${open.token}::`);
  print("::endgroup::");
  open = undefined;
}

function command(name, text, properties = "") {
  closeGroup();
  print(`::${name}${properties}::${escapeData(text)}`);
}

function annotate({ message, hint, location }) {
  const at = location ? ` file=${escapeProperty(env.SPEC)},line=${location.line},col=${location.column}` : "";
  command("error", hint ? `${message}\n${hint}` : message, at);
}

function escapeData(text) {
  return String(text).replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text) {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

function summary() {
  const end = result ? `${result.outcome} in ${seconds(result.milliseconds)}` : "ended without a result";
  const id = result?.id ? `\n\nThe last layer is \`${result.id}\`.` : "";
  const failed = result?.message ? `\n\n${asCode(result.message)}` : "";
  const rows = [...steps].map(
    ([layer, { heading, outcome, milliseconds }]) =>
      `| ${asCode(heading)} | ${outcome} | ${seconds(milliseconds)} | \`${layer.slice(0, 12)}\` |`,
  );
  const table = ["| Step | | Time | Layer |", "| --- | --- | ---: | --- |", ...rows].join("\n");
  return `### OBuilder: ${asCode(env.SPEC)} ${end}${id}${failed}\n\n${table}\n`;
}

/** Text of a spec or a guest, in a cell of a table: neither Markdown nor HTML in it means anything. */
function asCode(text) {
  const escaped = Array.from(String(text).slice(0, 200), (character) =>
    /[\w\s.,:/=-]/.test(character) ? character.replace(/\s/, " ") : `&#${character.codePointAt(0)};`,
  );
  return `<code>${escaped.join("")}</code>`;
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
