import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { printMachine } from "../../spec-print.ts";
import { parseSpec } from "../../parse.ts";
import { lintSource } from "./lint-source.ts";

/** What is marked of each problem, with its rule. */
function marked(text: string): readonly string[] {
  return lintSource(text).map(({ rule, at }) => `${rule}: ${text.slice(at.start, at.end)}`);
}

function inRun(command: string, fields = ""): readonly string[] {
  return marked(`((from base) (run ${fields} (shell ${JSON.stringify(command)})))`);
}

describe("network-needed", () => {
  test.each([
    ...[
      "apt-get update",
      "sudo apt-get -y install make",
      "DEBIAN_FRONTEND=noninteractive apt-get install -yq make",
    ],
    ...[
      "curl -fsSL https://example.com/a | sh",
      "wget http://example.com/$X",
      "git clone https://example.com/a.git",
    ],
    ...[
      "git clone git@example.com:a/b.git",
      "npm ci",
      "npm install -g x",
      "pip3 install requests",
      "pip install -r a.txt",
    ],
    ...[
      "opam update",
      "opam-2.1 install -y dune",
      "apk add --no-cache git",
      "cargo install ripgrep",
      "yarn install",
    ],
    ...["cd /src && npm ci", "set -e\nmkdir a\napt-get install -y ./a.deb make", "gem install rake"],
  ])("reports %j", (command) => {
    expect(inRun(command).filter((each) => each.startsWith("network-needed"))).toHaveLength(1);
    expect(inRun(command, "(network host)")).toEqual([]);
  });

  test.each([
    ...["make", "apt-get remove -y x", "apt-get install -y ./local.deb", "apt-get clean", "dpkg -i a.deb"],
    ...[
      "curl http://localhost:8080/",
      "curl http://127.0.0.1/",
      "wget $URL",
      "curl --version",
      "curl file:///a",
    ],
    ...[
      "git clone /srv/a.git",
      "git status",
      "git clone file:///a",
      "npm test",
      "npm run build",
      "npm install --offline",
    ],
    ...[
      "pip install .",
      "pip install --no-index x",
      "pip install -e .",
      "pip --version",
      "opam exec -- dune build",
    ],
    ...[
      "opam install ./pkg.opam",
      "echo apt-get update",
      "test -f a || curl https://example.com",
      "cargo build",
    ],
    ...[
      "if false; then apt-get update; fi",
      "echo 'npm ci' > script",
      "# npm ci\nmake",
      "grep -r 'pip install' .",
    ],
    ...[
      "cat <<EOF > /x\napt-get update\nEOF",
      "gem install ./a.gem",
      "go build ./...",
      "go install ./cmd/x",
      "which npm",
    ],
  ])("does not report %j", (command) => {
    expect(inRun(command)).toEqual([]);
  });

  test("does not read the commands of another program than a shell", () => {
    const spec = (shell: string) => `((from base) (shell ${shell}) (run (shell "npm ci")))`;
    expect(marked(spec("cmd /S /C"))).toEqual([]);
    expect(marked(spec("/usr/bin/env bash -c"))).toEqual(["network-needed: npm ci"]);
  });
});

describe("secret-in-command", () => {
  test.each([
    ...["git clone https://me:hunter2hunter2@example.com/x", "export API_TOKEN=abcdefgh12345678 && make"],
    ...["echo AKIAIOSFODNN7EXAMPLE", "PGPASSWORD='correcthorse' psql"],
  ])("reports %j", (command) => {
    expect(inRun(command, "(network host)")).toEqual([expect.stringMatching(/^secret-in-command: /)]);
  });

  test.each([
    ...[
      "git clone https://$USER:$PASS@example.com/x",
      "export TOKEN=$(cat /run/secrets/token)",
      'TOKEN="$T" make',
    ],
    ...[
      "git clone https://example.com:8080/x@y",
      "PASSWORD_FILE=/run/secrets/x make",
      "TOKEN= make",
      "KEY=12345678 make",
    ],
    ...[
      "echo password: please",
      "curl -u me https://example.com",
      "TOKEN=changeme make",
      "SSH_KEY=/root/.ssh/id_rsa make",
    ],
  ])("does not report %j", (command) => {
    expect(inRun(command, "(network host)")).toEqual([]);
  });

  test("reads variables by name and by value", () => {
    const env = (key: string, value: string) => marked(`((from b) (env ${key} ${value}) (run (shell make)))`);
    expect(env("DB_PASSWORD", "correcthorse")).toEqual(["secret-in-command: correcthorse"]);
    expect(env("X", `ghp_${"a1".repeat(20)}`)).toHaveLength(1);
    for (const value of ["/run/secrets/db", '""', "short"]) expect(env("DB_PASSWORD", value)).toEqual([]);
    expect(env("PUBLIC_KEY", "correcthorse")).toEqual([]);
    expect(marked("((from b) (Env (DB_PASSWORD correcthorse)) (run (shell make)))")).toContain(
      "secret-in-command: correcthorse",
    );
  });
});

describe("places", () => {
  test("are those in the text, whatever the escapes of the command", () => {
    const run = (command: string) => marked(`((from b) (run (shell ${command})))`);
    expect(
      run(String.raw`"echo \"\\n\"\t; \
        npm ci; x"`),
    ).toEqual(["network-needed: npm ci"]);
    expect(run('"a\n  npm   ci"')).toEqual(["network-needed: npm   ci"]);
    expect(run(String.raw`"echo \195\169; npm ci"`)).toEqual([
      String.raw`network-needed: "echo \195\169; npm ci"`,
    ]);
    expect(run(String.raw`"echo \\065; \q npm; npm ci"`)).toEqual(["network-needed: npm ci"]);
  });

  test("of builds, targets and values are those of the machine form, too", () => {
    const text =
      "((build a ((from b))) (from b) (Run ((cache (c (target /usr)))(network x)(shell make))) (Copy ((src ../x)(dst ~/y))))";
    expect(marked(text)).toEqual([
      ...["unused-build: a", "old-form: Run", "cache-target: /usr", "unknown-network: x", "old-form: Copy"],
      ...["source-outside: ../x", "unexpanded-variable: ~/y"],
    ]);
  });
});

test("copies and paths that are meant are not reported", () => {
  const copy = (text: string) => marked(`((build x ((from b))) (from b) (copy (from (build x)) ${text}))`);
  for (const fields of [
    ...[
      "(src data) (dst /data)",
      "(src data) (dst /opt/)",
      "(src .) (dst /data/)",
      "(src data x) (dst data/)",
    ],
    ...["(src a.b) (dst /a.b.d/)", "(src a..b) (dst /x)", "(src a) (dst C:/x~y)"],
  ]) {
    expect(copy(fields)).toEqual([]);
  }
});

test("a parameter of the spec is expanded, so it is not reported", () => {
  const text = "((from b) (env A ${NAME}) (run (shell make)))";
  expect(marked(text)).toEqual(["unexpanded-variable: ${NAME}"]);
});

test("comments disable rules for the expression that they are about", () => {
  const text = (before: string, behind: string, inside: string) =>
    `${before}((from b)\n (workdir a) ${behind}\n ${inside}\n (run (shell "npm ci")))`;
  const all = ["relative-workdir: a", "network-needed: npm ci"];
  expect(marked(text("", "", ""))).toEqual(all);
  const comment = "; obuilder-lint-disable";
  expect(marked(text(`${comment} relative-workdir network-needed\n`, "", ""))).toEqual([]);
  expect(marked(text("", `${comment} relative-workdir`, ""))).toEqual(all.slice(1));
  expect(marked(text("", `${comment} network-needed`, ""))).toEqual(all);
  expect(marked(text("", "", `;;; obuilder-lint-disable network-needed`))).toEqual(all.slice(0, 1));
  expect(marked(text("", "#| obuilder-lint-disable relative-workdir |#", ""))).toEqual(all.slice(1));
  expect(marked(text("", "", `${comment}d network-needed`))).toEqual(all);
  expect(marked(text("", comment, ""))).toContain(`unknown-rule: ${comment} `.trimEnd());
});

test("no spec makes a rule fail, and only errors of the parser have no rule", () => {
  for (const file of ["specs.jsonl", "edge-cases.jsonl"]) {
    const lines = readFileSync(new URL(`../../../test-data/${file}`, import.meta.url), "utf8")
      .trimEnd()
      .split("\n");
    for (const { spec, ok } of lines.map((line): { spec?: string; ok: boolean } => JSON.parse(line))) {
      if (spec === undefined) continue;
      const problems = lintSource(spec);
      expect(problems.some(({ rule }) => rule === undefined)).toBe(!ok);
      for (const { at } of problems) expect(at.start).toBeLessThanOrEqual(at.end);
      if (ok) expect(() => lintSource(printMachine(parseSpec(spec)))).not.toThrow();
    }
  }
});
