import { atom, type CaseSubject, expectLines, type LifeCycleCase, runOp } from "../case.ts";

/** Every printable character that some shell, sshd or program has once taken for its own, without the single quote. */
const special = `a  b $HOME \${x} \`x\` "q" %PATH% ^ & | < > ( ) * ? ~ # ; = \\ \\n \\\\ [x] {1,2} ü ✓`;
const value = `it's ${special}`;
const bourne = "(shell /bin/sh -c)";

/** How commands are run: shells, environment, directory, input and output. */
export function commandCases(subject: CaseSubject): readonly LifeCycleCase[] {
  return [...shellCases(subject), ...surroundings(subject), ...streams()];
}

function shellCases({ loginUser, nonce }: CaseSubject): readonly LifeCycleCase[] {
  // Single quotes mean the same to every family of shells.
  const words = special;
  return [
    {
      name: "a step without a shell of its own is run by the login shell, as the login user",
      ops: ["(shell)", runOp(["id -un"])],
      fault: ({ text }) => {
        const user = text.trim().split("\n").at(-1)?.trim();
        // A Windows user can be printed with the machine's name.
        return user?.toLowerCase().endsWith(loginUser.toLowerCase()) === true
          ? undefined
          : `It was run by ${JSON.stringify(user)}.`;
      },
    },
    {
      name: "special characters reach a program through the login shell",
      ops: ["(shell)", runOp([`printf '<%s>\\n' '${words}'`])],
      fault: expectLines(`<${words}>`),
    },
    {
      name: "special characters reach a program through an explicit shell",
      ops: [
        bourne,
        runOp([
          `printf '<%s>\\n' '${words}' "it's" "a\\"b" \\$x`,
          `x=${nonce}; echo "$x" '$x' "\`echo $x\`"`,
        ]),
      ],
      fault: expectLines(`<${words}>`, `<it's>`, `<a"b>`, `<$x>`, `${nonce} $x ${nonce}`),
    },
    {
      name: "a command of 100 KB is run",
      ops: [bourne, runOp([`: ${"x".repeat(100_000)}`, `echo end ${nonce}`])],
      fault: expectLines(`end ${nonce}`),
    },
  ];
}

function surroundings({ paths, nonce }: CaseSubject): readonly LifeCycleCase[] {
  const directory = "it's deep/er";
  return [
    {
      name: "environment variables keep quotes, blanks, $, % and non-ASCII characters",
      ops: [
        bourne,
        `(env OB_CHECK ${atom(value)})`,
        `(env OB_CHECK_EMPTY "")`,
        runOp([`printf '<%s>\\n' "$OB_CHECK"`, `echo "empty: \${OB_CHECK_EMPTY-unset}."`]),
      ],
      fault: expectLines(`<${value}>`, "empty: ."),
    },
    {
      name: "a working directory that does not exist is made, and belongs to the user",
      ops: [
        bourne,
        `(workdir ${atom(paths.inSpec(directory))})`,
        runOp(["pwd", `echo ${nonce} >made && cat made`]),
        `(workdir /)`,
      ],
      fault: ({ text }) =>
        text.split("\n").some((line) => line.trim().endsWith(`/obuilder-check/${directory}`)) &&
        text.includes(nonce)
          ? undefined
          : "It was not in its working directory, or could not write there.",
    },
  ];
}

function streams(): readonly LifeCycleCase[] {
  const size = 2_000_000;
  return [
    {
      name: "a command has no input, and does not wait for any",
      ops: [bourne, runOp([`if read -r line; then echo "read $line"; exit 1; fi`, `echo "rest: $(cat)."`])],
      fault: expectLines("rest: ."),
    },
    {
      name: "2 MB of output arrive complete",
      ops: [bourne, runOp([`dd if=/dev/zero bs=1000 count=2000 2>/dev/null | tr '\\0' x`, "echo; echo end"])],
      fault: ({ bytes, text }) =>
        text.trimEnd().endsWith("end") && bytes >= size && bytes < size + 100
          ? undefined
          : `${bytes} bytes arrived.`,
    },
    {
      name: "standard output and standard error arrive",
      ops: [bourne, runOp(["echo to stdout", "echo to stderr >&2"])],
      fault: expectLines("to stdout", "to stderr"),
    },
  ];
}
