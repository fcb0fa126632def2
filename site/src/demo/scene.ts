/** What the recording shows: a project, and the commands that are typed. */
export const size = { columns: 88, rows: 22 };

export const title = "obuilder builds a spec in virtual machines";

export const description =
  "A terminal. A spec of five lines is shown and built: virtual machines run its steps. The second build takes everything from " +
  "the cache. After a change of the last step only that one runs. Then the layers are listed, a file is copied out, and a report is written.";

/** The files of the project. */
export const files: Readonly<Record<string, string>> = {
  "hello.spec": `((from debian-12-amd64)
 (workdir /hello)
 (copy (src src) (dst src))
 (run (shell "tar -czf hello.tar.gz src"))
 (run (shell "tar -tzf hello.tar.gz")))
`,
  "src/hello.txt": "Hello, world!\n",
};

export interface Shot {
  /** Typed as it is, and run by sh. */
  readonly command: string;
  /** True if the screen is empty before it. */
  readonly clear?: true;
  /** How long its output is played at most, in seconds: what took longer is played faster. */
  readonly atMost?: number;
  /** How long what it printed can be read before the next, in seconds. */
  readonly pause: number;
}

export const shots: readonly Shot[] = [
  { command: "cat hello.spec", pause: 1.2 },
  { command: "obuilder build -t hello -f hello.spec .", atMost: 4.5, pause: 1.6 },
  { command: "obuilder build -t hello -f hello.spec .    # again", clear: true, pause: 1.2 },
  { command: "sed -i s/-tzf/-tvzf/ hello.spec    # another last step", pause: 0.2 },
  { command: "obuilder build -t hello -f hello.spec .", atMost: 2.2, pause: 1.6 },
  { command: "obuilder ls", clear: true, pause: 1.2 },
  { command: "obuilder cp hello:/hello/hello.tar.gz .", pause: 0.4 },
  { command: "obuilder report -o report.html    # where its time went", pause: 1 },
];
