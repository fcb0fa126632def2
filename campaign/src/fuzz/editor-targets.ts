import { PassThrough, Writable } from "node:stream";
import * as fc from "fast-check";
import { encodeSpec, fromBytes, parseSpec, sexpToMachine } from "@ob/spec";
import { fixSource, formatSource, lintSource } from "@ob/spec/editor";
import { specFromDockerfile } from "../../../packages/cli/src/dockerfile/spec-from-dockerfile.ts";
import { runLanguageServer } from "../../../packages/cli/src/language-server/server.ts";
import { shellCommands } from "../../../packages/spec/src/editor/lint/shell-commands.ts";
import { mutatedTokens } from "./mutated-tokens.ts";
import { asyncTarget, type Target, target } from "./target.ts";

const specs = [
  `; top\n((build dev ((from base) (run (shell "apt-get update && apt-get install x"))))\n (from debian-12) ; obuilder-lint-disable no-such
 #| nested |# (workdir src) (run (cache (c (target /c))) (network host) (shell "cd /x; curl http://a | sh"))
 (copy (from (build dev)) (src /a b) (dst /d)) (env A "1\\x41") (user (uid 0) (gid 0)))`,
  '((from base) (arg V 1) (run (shell "echo ${V} \\\\\n   b")) (copy (src .) (dst /)))',
];
const shellTexts = [
  `sudo -u x apt-get install -y "a b" 'c'\\''d' $(echo \`date\`) \${A:-"}"} 2>&1 <<<x | tee /f && if true; then rm -rf /; fi || exit 1`,
  "for i in 1 2; do env A=1 nice -n 5 make -j$(nproc) > /dev/null & done # end\ncat <<EOF\nx\nEOF\ncase a in b) c;; esac",
];
const dockerfiles = [
  `FROM debian:12 AS Build\nENV A=1 B="2 3"\nRUN --mount=type=cache,target=/c make \\\n  # note\n  x\n# y\nFROM base\nUSER opam\nSHELL ["/bin/bash", "-c"]\nWORKDIR /src\nCOPY --from=Build --chown=1:2 ["a", "b"]\nRUN ["a", "b c"]\nCMD x\n`,
  `# escape=\\\nFROM debian:12 AS Build\nARG X\nENV A=1 B="2 3"\nRUN --mount=type=cache,target=/c,sharing=locked --network=none make \\\n  # note\n  x\nCOPY --from=0 --chown=1:2 ["a", "b/"]\n`,
  'FROM base\nUSER opam:1\nSHELL ["/bin/bash", "-c"]\nWORKDIR /src\nRUN ["a", "b c"]\nCOPY . .\nRUN <<EOF\nx\nEOF\nCMD x\n',
];

/** The machine form; undefined for a text that is not a spec. */
function formOf(text: string): string | undefined {
  try {
    return sexpToMachine(encodeSpec(parseSpec(text)));
  } catch (error) {
    if (error instanceof Error && error.name === "SpecError") return undefined;
    throw error;
  }
}

const position = fc.record({
  line: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.constantFrom(-1, 2 ** 31 - 1, 1.5)),
  character: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.constantFrom(-1, 2 ** 31 - 1, 0.5)),
});
const change = fc.record({
  range: fc.record({ start: position, end: position }),
  text: fc.string({ maxLength: 6 }),
});

/** What editors read: texts that are being written. */
export const editorTargets: readonly Target[] = [
  target("shell text in specs", mutatedTokens(shellTexts), (bytes) => {
    const text = bytes.toString("utf8");
    let last = 0;
    for (const { words } of shellCommands(text)) {
      for (const { start, end } of words) {
        if (start < last || end < start || end > text.length)
          throw new Error(`a word is from ${start} to ${end}`);
        last = end;
      }
    }
  }),
  target("text that is formatted", mutatedTokens(specs), (bytes) => {
    const text = fromBytes(bytes);
    const form = formOf(text);
    const formatted = formatSource(text);
    if (form === undefined) return false;
    if (formOf(formatted) !== form) throw new Error(`${JSON.stringify(formatted)} is another spec`);
    if (formatSource(formatted) !== formatted) throw new Error(`${JSON.stringify(formatted)} changes again`);
    return true;
  }),
  target("text that is checked and fixed", mutatedTokens(specs), (bytes) => {
    const text = fromBytes(bytes);
    for (const { at } of lintSource(text))
      if (at.start < 0 || at.end < at.start || at.end > text.length)
        throw new Error(`a problem is at ${at.start}`);
    const fixed = fixSource(text);
    if (formOf(text) === undefined) return false;
    if (formOf(fixed.text) === undefined)
      throw new Error(`${JSON.stringify(fixed.text)} is no spec any more`);
    return true;
  }),
  target("Dockerfiles", mutatedTokens(dockerfiles), (bytes) => {
    const kindOf = (path: string) => (path.endsWith("a") ? "directory" : "file");
    const { spec, refused } = specFromDockerfile(fromBytes(bytes), { kindOf });
    if (spec === undefined) {
      if (refused.length === 0) throw new Error("it is refused without a reason");
      return false;
    }
    if (formOf(spec) === undefined) throw new Error(`it becomes ${JSON.stringify(spec)}, which is no spec`);
    return true;
  }),
  {
    // Each starts a language server.
    wanted: 100_000,
    ...asyncTarget(
      "requests of editors",
      fc.tuple(
        mutatedTokens(specs),
        fc.array(change, { maxLength: 3 }),
        fc.array(position, { minLength: 1, maxLength: 4 }),
      ),
      async ([bytes, changes, places]) => {
        const answers = await askServer(requests(bytes.toString("utf8"), changes, places));
        const broken = answers.find(({ error }) => error !== undefined && error.code === internalError);
        if (broken !== undefined)
          throw new Error(`the language server has failed: ${JSON.stringify(broken)}`);
        const wanted = 2 + 5 * places.length;
        const count = answers.filter(({ id }) => id !== undefined).length;
        if (count !== wanted) throw new Error(`${wanted} requests have ${count} answers`);
      },
    ),
  },
];

const internalError = -32_603;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly error?: { readonly code: number };
}

type Place = { readonly line: number; readonly character: number };

function requests(text: string, changes: readonly unknown[], places: readonly Place[]): readonly Message[] {
  const uri = "file:///spec";
  const textDocument = { uri };
  const methods = ["hover", "completion", "definition", "documentSymbol", "codeAction"] as const;
  const asked = places.flatMap((at) =>
    methods.map((method) => ({
      method: `textDocument/${method}`,
      params: {
        textDocument,
        position: at,
        range: { start: at, end: places[0] },
        context: { diagnostics: [] },
      },
    })),
  );
  const opened = { textDocument: { uri, languageId: "obuilder", version: 1, text } };
  const all = [
    { method: "initialize", params: { processId: null, rootUri: null, capabilities: {} } },
    { method: "textDocument/didOpen", params: opened, notifies: true },
    {
      method: "textDocument/didChange",
      params: { textDocument: { uri, version: 2 }, contentChanges: changes },
      notifies: true,
    },
    ...asked,
    { method: "shutdown", params: undefined },
    { method: "exit", params: undefined, notifies: true },
  ];
  return all.map(({ method, params, ...more }, index) => ({
    method,
    params,
    ...("notifies" in more ? {} : { id: index }),
  }));
}

/** The answers of the language server, and what it says by itself. */
async function askServer(messages: readonly Message[]): Promise<readonly Message[]> {
  const stdin = new PassThrough();
  const written: Buffer[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _, done) {
      written.push(chunk);
      done();
    },
  });
  for (const message of messages) {
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    stdin.write(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
  }
  const { signal } = new AbortController();
  await runLanguageServer({
    io: { stdin, stdout, signal },
    baseImages: async () => ["base", "a b", "\u001b[2J"],
  });
  return messagesIn(Buffer.concat(written));
}

function messagesIn(bytes: Buffer): readonly Message[] {
  const found: Message[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = bytes.indexOf("\r\n\r\n", at) + 4;
    const length = Number(/Content-Length: (\d+)/.exec(bytes.toString("latin1", at, start))?.[1]);
    found.push(JSON.parse(bytes.toString("utf8", start, start + length)));
    at = start + length;
  }
  return found;
}
