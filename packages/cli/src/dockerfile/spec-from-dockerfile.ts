import { type Dockerfile, DockerfileParser } from "dockerfile-ast";
import { copyOps, type KindOf } from "./copy-instruction.ts";
import { checkFlags, checkLiteral, dockerInstruction, type DockerInstruction } from "./instruction.ts";
import { type Refusal, Refused } from "./refusal.ts";
import { runOp } from "./run-instruction.ts";
import { atom, type Written, written } from "./spec-text.ts";
import { rootUser, userOp } from "./user-instruction.ts";

/** A spec that was made of a Dockerfile. */
export interface ConvertedDockerfile {
  /** The text of the spec, not formatted. Undefined if something was refused. */
  readonly spec: string | undefined;
  /** What cannot be said in a spec. */
  readonly refused: readonly Refusal[];
  /** What is about running a container, and is left out. */
  readonly omitted: readonly Refusal[];
}

/** Instructions that change nothing on the disk. */
const aboutContainers = new Set([
  ...["CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "STOPSIGNAL", "VOLUME"],
]);

interface Stage {
  readonly name: string;
  readonly base: string;
  /** Those before it. */
  readonly comments: readonly string[];
  /** Comments and operations, one an entry. */
  readonly lines: string[];
  user: Written;
  /** Whether its commands are read by a shell of POSIX. */
  hasPosixShell: boolean;
  hasSteps: boolean;
}

/** Makes a spec that builds what a Dockerfile builds, or says by line what it cannot say. */
export function specFromDockerfile(text: string, options: { readonly kindOf: KindOf }): ConvertedDockerfile {
  const dockerfile = DockerfileParser.parse(text);
  const refused: Refusal[] = [];
  const omitted: Refusal[] = [];
  const stages: Stage[] = [];
  const buildOf = (stage: string): string => nameOfStage(stages, stage);
  let comments: readonly string[] = [];
  for (const item of itemsOf(dockerfile)) {
    if (!("keyword" in item)) {
      comments = [...comments, `; ${item.text}`];
      continue;
    }
    const { line, keyword: instruction } = item;
    try {
      if (aboutContainers.has(instruction)) {
        omitted.push({ line, instruction, reason: "is about running a container: left out" });
      } else if (instruction === "FROM") {
        stages.push({ ...newStage(item, stages), comments });
        comments = [];
      } else {
        add(item, stages.at(-1), { ...options, buildOf, comments });
        comments = [];
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused.push({ line, instruction, reason: error.message, hint: error.hint });
    }
  }
  if (stages.length === 0 && refused.length === 0) {
    refused.push({ line: 1, instruction: "FROM", reason: "there is none" });
  }
  if (dockerfile.getEscapeCharacter() !== "\\") {
    refused.push({ line: 1, instruction: "escape", reason: "another escape character is not read" });
  }
  return { spec: refused.length > 0 ? undefined : specText(stages, comments), refused, omitted };
}

/** The instructions, and the comments that are in none of them, in the order of the text. */
function itemsOf(
  dockerfile: Dockerfile,
): readonly (DockerInstruction | { readonly line: number; readonly text: string })[] {
  const instructions = dockerfile.getInstructions().map(dockerInstruction);
  const comments = dockerfile
    .getComments()
    .map((comment) => ({ line: comment.getRange().start.line + 1, text: comment.getContent() }))
    .filter(({ line }) => !instructions.some((each) => each.line <= line && line <= each.lastLine));
  return [...instructions, ...comments].toSorted((a, b) => a.line - b.line);
}

function newStage(from: DockerInstruction, stages: readonly Stage[]): Omit<Stage, "comments"> {
  checkFlags(from, []);
  checkLiteral(from.text);
  const [base = "", as, name = `stage-${stages.length}`] = from.words;
  if (as !== undefined && as.toUpperCase() !== "AS") throw new Refused("FROM takes an image and AS NAME");
  if (base === "scratch")
    throw new Refused("there is no empty base image", "a base image is a system that boots");
  if (stages.some((stage) => stage.name.toLowerCase() === base.toLowerCase())) {
    throw new Refused(
      `a spec does not start from another build: ${base}`,
      "repeat its steps, or copy from it",
    );
  }
  return { name, base, lines: [], user: rootUser, hasPosixShell: true, hasSteps: false };
}

function nameOfStage(stages: readonly Stage[], stage: string): string {
  // The last one is that of the instruction.
  const earlier = stages.slice(0, -1);
  const found = /^\d+$/.test(stage)
    ? earlier[Number(stage)]
    : earlier.findLast(({ name }) => name.toLowerCase() === stage.toLowerCase());
  if (found !== undefined) return found.name;
  throw new Refused(
    `${stage} is not an earlier stage, and a spec copies from no image`,
    "make it a stage of its own",
  );
}

interface AddOptions {
  readonly kindOf: KindOf;
  readonly buildOf: (stage: string) => string;
  /** Those before the instruction. */
  readonly comments: readonly string[];
}

function add(from: DockerInstruction, stage: Stage | undefined, options: AddOptions): void {
  if (stage === undefined)
    throw new Refused(from.keyword === "ARG" ? "a spec has no build arguments" : "comes before FROM");
  const isStep = from.keyword === "RUN" || from.keyword === "COPY";
  if (isStep && !stage.hasSteps) {
    // As Docker has them; the defaults of a spec are the image's login user and shell.
    const has = (op: string): boolean => stage.lines.some((line) => line.startsWith(`(${op} `));
    const defaults = [
      ...(has("user") ? [] : [written(rootUser)]),
      ...(has("shell") ? [] : ["(shell /bin/sh -c)"]),
    ];
    stage.lines.unshift(...defaults);
    stage.hasSteps = true;
  }
  stage.lines.push(...options.comments, ...opsOf(from, stage, options).map((op) => aligned(written(op))));
}

function opsOf(from: DockerInstruction, stage: Stage, options: AddOptions): readonly Written[] {
  switch (from.keyword) {
    case "RUN":
      if (from.json !== undefined && !stage.hasPosixShell) {
        throw new Refused("words are not quoted here for this SHELL", "write the command as a text");
      }
      return [runOp(from, stage.user)];
    case "COPY":
      return copyOps(from, { ...options, user: stage.user });
    case "WORKDIR":
      checkLiteral(from.text);
      if (/["'\\]/.test(from.text)) throw new Refused("quotes in paths are not read here");
      return [["workdir", atom(from.text.trim())]];
    case "ENV":
      return from.properties.map(({ name, value }) => {
        checkLiteral(from.text);
        if (value === undefined) throw new Refused(`the variable ${name} has no value`);
        return ["env", atom(name), atom(value)];
      });
    case "USER":
      stage.user = userOp(from.text);
      return [stage.user];
    case "SHELL":
      if (from.json === undefined) throw new Refused("SHELL takes a JSON array");
      stage.hasPosixShell = from.json.some((word) => /(?:^|\/)(?:ba|da|k|z|a)?sh$/.test(word));
      return [["shell", ...from.json.map(atom)]];
    case "ADD":
      throw new Refused("a spec has no ADD", "write COPY, or a RUN with curl or tar");
    case "ARG":
      throw new Refused("a spec has no build arguments", "write ENV with the value");
    default:
      throw new Refused("a spec has nothing for it");
  }
}

/** Puts the further lines of a command below its first one. */
function aligned(op: string): string {
  const column = op.indexOf('(shell "') + '(shell "'.length;
  return op.replaceAll("\\\n", `\\\n${" ".repeat(column)}`);
}

/** The last stage is the spec; the others are its nested builds. */
function specText(stages: readonly Stage[], end: readonly string[]): string {
  const body = ({ base, lines }: Stage): string => [`(from ${atom(base)})`, ...lines].join("\n");
  const builds = stages
    .slice(0, -1)
    .map((stage) => [...stage.comments, `(build ${atom(stage.name)} (${body(stage)}\n))`]);
  const last = stages.at(-1);
  const items = [...builds.flat(), ...(last ? [...last.comments, body(last)] : []), ...end];
  // A comment before the first item is one before the spec.
  const first = items.findIndex((item) => !item.startsWith(";"));
  return [...items.slice(0, first), `(${items.slice(first).join("\n")}\n)`, ""].join("\n");
}
