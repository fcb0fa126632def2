import { ObError } from "@ob/core";
import { createColors } from "./colors.ts";
import { describe, expect, it } from "vitest";
import { renderError } from "./render-error.ts";

const render = (error: unknown, options: { verbose?: boolean; command?: string } = {}) =>
  renderError(error, { colors: createColors(false), verbose: false, ...options });

describe("renderError", () => {
  it("prints a paragraph and a hint", () => {
    const error = new ObError("BASE_IMAGE", "There is no base image debain-12.", {
      hint: "Did you mean debian-12?",
    });
    expect(render(error)).toMatchInlineSnapshot(`
      "obuilder: There is no base image debain-12.
      Hint: Did you mean debian-12?
      "
    `);
  });

  it("adds hints that name the options of the command line", () => {
    const secret = new ObError("BAD_SECRET", "A secret is missing.", { data: { secret: "token" } });
    expect(render(secret)).toContain("Hint: Give it with --secret token:FILE,");
    expect(render(new ObError("BAD_SECRET", "It cannot be read."))).not.toContain("Hint:");
    expect(render(new ObError("NO_SUCH_LAYER", "There is no layer."))).toContain("Hint: `obuilder plan`");
    expect(render(new ObError("NO_SPACE", "The disk is full."))).toContain("obuilder prune");
    const bus = new ObError("UNSUPPORTED", "No IDE bus.", { data: { option: "diskBus" } });
    expect(render(bus)).toContain("Hint: Use --qemu-disk-bus=virtio or sata.");
  });

  it("prints a failed step and a cancel as the original does", () => {
    expect(
      render(new ObError("STEP_FAILED", "The command failed with exit status 7.", { exitCode: 7 })),
    ).toBe("Build step failed: The command failed with exit status 7.\n");
    expect(render(new ObError("CANCELLED", "The build was cancelled."))).toBe(
      "Cancelled at user's request\n",
    );
  });

  it("lets nothing that an error quotes drive the terminal", () => {
    const error = new ObError("GUEST_LOST", "The guest said: \x1b[2J\x1b]0;t\x07a\u202eb\x9b", {
      hint: "Look at c\x07.",
    });
    expect(render(error)).toBe(String.raw`obuilder: The guest said: a\u202eb\x9b
Hint: Look at c\x07.
`);
  });

  it("points to the help for bad usage", () => {
    expect(render(new ObError("USAGE", "Unknown option --x."), { command: "build" })).toMatchInlineSnapshot(`
      "obuilder: Unknown option --x.
      Try 'obuilder build --help' for more information.
      "
    `);
  });

  it("prints the text of a spec error as it is, and its hint once", () => {
    const error = Object.assign(new Error("a.spec:1:2: no such op\n  try run"), {
      code: "BAD_SPEC",
      hint: "try run",
    });
    expect(render(error)).toBe("a.spec:1:2: no such op\n  try run\n");
    expect(render(Object.assign(new Error("a.spec:1:2: no"), { code: "BAD_SPEC", hint: "h" }))).toBe(
      "a.spec:1:2: no\nHint: h\n",
    );
  });

  it("asks to report a bug, and shows its stack with -v only", () => {
    const bug = new TypeError("x is not a function");
    expect(render(bug)).toContain(
      "obuilder: internal error: x is not a function\nThis is a bug in obuilder.",
    );
    expect(render(bug)).not.toContain("    at ");
    expect(render(bug, { verbose: true })).toContain("    at ");
    expect(render("thrown text")).toContain("internal error: thrown text");
  });

  it("shows the causes with -v", () => {
    const error = new ObError("STORE", "It cannot be opened.", { cause: new Error("EACCES: denied") });
    expect(render(error)).not.toContain("EACCES");
    expect(render(error, { verbose: true })).toContain("Caused by: EACCES: denied\n");
  });
});
