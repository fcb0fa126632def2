import { atom, type CaseGroup, type LifeCycleCase, runOp } from "./case.ts";

/** Scripts of several cases that one step runs. */
export interface SharedStep {
  readonly group: CaseGroup;
  readonly cases: readonly LifeCycleCase[];
}

/** What a line of the spec is for; a line with the setting of a group is for neither. */
export interface SpecLine {
  readonly each?: LifeCycleCase | undefined;
  readonly shared?: SharedStep | undefined;
}

export interface ChainSpec {
  readonly text: string;
  /** Line 1 is at index 1. */
  readonly lines: readonly SpecLine[];
}

export interface ChainSpecOptions {
  readonly image: string;
  readonly isIncluded: (each: LifeCycleCase) => boolean;
  /** Groups in which each script has a step of its own. */
  readonly separate: ReadonlySet<CaseGroup>;
  /** A word that no script prints by itself. */
  readonly mark: string;
}

/** The spec of a chain. Each case has lines of its own, so that an event is assigned to a case by its line. */
export function chainSpec(groups: readonly CaseGroup[], options: ChainSpecOptions): ChainSpec {
  const { image, isIncluded, separate, mark } = options;
  const texts: string[] = [];
  const lines: SpecLine[] = [{}];
  const add = (text: string, line: SpecLine = {}): void => {
    texts.push(text);
    lines.push(line);
  };
  const cases = (group: CaseGroup): readonly LifeCycleCase[] => group.cases.filter(isIncluded);
  add("(");
  for (const each of groups.flatMap(cases)) for (const build of each.builds ?? []) add(build, { each });
  add(`(from ${atom(image)})`);
  for (const group of groups) {
    const included = cases(group);
    if (included.length === 0) continue;
    add(group.setting.join(" "));
    for (const each of included) if (each.ops) add(each.ops.join(" "), { each });
    const scripted = included.filter(({ script }) => script !== undefined);
    if (scripted.length > 1 && !separate.has(group)) {
      add(sharedOp(scripted, mark), { shared: { group, cases: scripted } });
    } else for (const each of scripted) add(runOp(each.script ?? []), { each });
  }
  add(")");
  return { text: texts.join("\n"), lines };
}

/** Each script in a shell of its own, between two lines that no script prints. */
function sharedOp(cases: readonly LifeCycleCase[], mark: string): string {
  const lines = cases.flatMap(({ script = [] }, index) => [
    `echo "${mark} begin ${index}"`,
    "(",
    ...script,
    ")",
    `printf '\\n%s %s\\n' "${mark} end ${index}" "$?"`,
  ]);
  return runOp(lines);
}

/** The output and the exit status of each script that a shared step has run; undefined if it did not run all. */
export function splitOutput(
  text: string,
  { count, mark }: { readonly count: number; readonly mark: string },
): readonly { readonly text: string; readonly status: number }[] | undefined {
  const parts = Array.from({ length: count }, (_, index) => {
    const pattern = new RegExp(
      String.raw`^${mark} begin ${index}\r?\n([^]*?)\r?\n${mark} end ${index} (\d+)\r?$`,
      "m",
    );
    const [, output, status] = pattern.exec(text) ?? [];
    return output === undefined ? undefined : { text: output, status: Number(status) };
  });
  return parts.every((part) => part !== undefined) ? parts : undefined;
}
