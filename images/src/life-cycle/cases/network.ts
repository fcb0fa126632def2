import { type CaseSubject, expectLines, type LifeCycleCase, runOp } from "../case.ts";
import { fetchFromHost } from "../scripts.generated.ts";
import { renderTemplate } from "../../linux/initrd.ts";

/** How long a lookup without a network may take, in seconds; a resolver's own limit is 10 s and more. */
const lookupLimit = 8;

export function unreachableCase(subject: CaseSubject): LifeCycleCase {
  const { listener } = subject;
  return {
    name: "a step without a network reaches nothing",
    script: [`if ${fetch(subject)}; then exit 1; fi`, "echo reached nothing"],
    fault: expectLines("reached nothing"),
    skip: typeof listener === "string" ? listener : whyNoClient(subject),
  };
}

export function lookupCase({ guestOs, facts }: CaseSubject): LifeCycleCase {
  const lookup = facts.tools.includes("getent") ? "getent hosts" : "ping -c 1";
  return {
    name: "a step without a network does not wait for name lookups",
    script: [
      "start=$(date +%s)",
      `if ${lookup} obuilder-check.invalid >/dev/null 2>&1; then echo resolved; exit 1; fi`,
      `echo "took $(($(date +%s) - start)) s"`,
    ],
    fault: ({ text }) => {
      const took = Number(/took (\d+) s/.exec(text)?.[1] ?? Number.NaN);
      return took <= lookupLimit ? undefined : `A lookup took ${took} s.`;
    },
    // Elsewhere nothing rejects connections: a lookup ends by its own time limit.
    required: guestOs === "linux",
    skip: /getent|ping/.test(facts.tools.join(" "))
      ? undefined
      : "The guest has no program that looks names up.",
  };
}

export function reachableCase(subject: CaseSubject): LifeCycleCase {
  const { listener, nonce } = subject;
  return {
    name: "a step with (network host) reaches a service at an address of the host",
    ops: [runOp([fetch(subject)], "(network host)")],
    fault: expectLines(nonce),
    skip: typeof listener === "string" ? listener : whyNoClient(subject),
  };
}

/** A command that prints what the host's listener sends, and fails if it cannot be reached. */
function fetch({ listener }: CaseSubject): string {
  if (typeof listener === "string") return "false";
  const { host, port } = listener;
  const script = renderTemplate(
    fetchFromHost,
    new Map([
      ["HOST", host],
      ["PORT", String(port)],
    ]),
  );
  return `(${script}\n)`;
}

function whyNoClient({ facts }: CaseSubject): string | undefined {
  return facts.tools.some((tool) => tool === "bash" || tool === "nc")
    ? undefined
    : "The guest has neither bash nor nc to connect with.";
}
