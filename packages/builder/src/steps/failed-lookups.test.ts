import { expect, test } from "vitest";
import { bench, request } from "../builds.test.helper.ts";
import { FailedLookups } from "./failed-lookups.ts";

test.each([
  "Err:1 http://deb.debian.org/debian bookworm InRelease\n  Temporary failure resolving 'deb.debian.org'",
  "W: Failed to fetch http://deb.debian.org/  Could not resolve 'deb.debian.org'",
  "curl: (6) Could not resolve host: example.org",
  "fatal: unable to access 'https://github.com/x/': Could not resolve host: github.com",
  "ssh: Could not resolve hostname github.com: Temporary failure in name resolution",
  "wget: unable to resolve host address 'example.org'",
  "wget: bad address 'example.org'",
  "[Errno -3] Temporary failure in name resolution",
  "[Errno -2] Name or service not known",
  "npm error request to https://registry.npmjs.org/x failed, reason: getaddrinfo EAI_AGAIN registry.npmjs.org",
  "dial tcp: lookup proxy.golang.org on 10.0.2.3:53: no such host",
  "ftp: cdn.openbsd.org: no address associated with name",
  "java.net.UnknownHostException: repo.maven.apache.org",
  "The remote name could not be resolved: 'www.example.org'",
  "WARNING: fetching https://dl-cdn.alpinelinux.org/: DNS lookup error",
])("%s", (line) => {
  const lookups = new FailedLookups();
  for (const character of `before\n${line}\nafter\n`) lookups.push(Buffer.from(character));
  expect(lookups.found).toBe(true);
});

test("other output is no failed lookup", () => {
  const lookups = new FailedLookups();
  lookups.push(Buffer.from("Connection refused\nResolving deltas: 100%\nall resolved\n"));
  expect(lookups.found).toBe(false);
});

const failing = "curl: (6) Could not resolve host: a\ncurl: (6) Could not resolve host: b\n";
const hint =
  "/: (run (shell x)): A host name could not be resolved: this step has no network. (run (network host) …) gives it one.";

test.each([
  [0, "((from base) (run (shell x)))", [hint]],
  [6, "((from base) (run (shell x)))", [hint]],
  [0, "((from base) (run (network host) (shell x)))", []],
])("a step that ends with %d: %s", async (status, text, hints) => {
  await using setting = bench({ run: ({ output }) => (output(failing), status) });
  await setting.builder.build(request(text)).catch(() => undefined);
  const warnings = () =>
    setting.events.flatMap((event) =>
      event.type === "log" && event.level === "warning" ? [event.text] : [],
    );
  expect(warnings()).toEqual(hints);
  // A cached step has been hinted at when it was built.
  if (status === 0) await setting.builder.build(request(text));
  expect(warnings()).toEqual(hints);
});
