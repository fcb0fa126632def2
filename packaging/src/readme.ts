import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "./workspace.ts";

/** A code block of a README. */
export interface Example {
  readonly language: "ts" | "js";
  readonly code: string;
  /** What the README says that it prints; undefined if it does not say. */
  readonly output: string | undefined;
}

/** The README's blocks of TypeScript and JavaScript. */
export async function readExamples(folder: string): Promise<readonly Example[]> {
  const text = await readFile(join(repository, folder, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```/gms)].map(([, language = "", code = ""]) => ({
    language,
    code,
  }));
  return blocks.flatMap(({ language, code }, index) => {
    if (language !== "ts" && language !== "js") return [];
    const next = blocks[index + 1];
    return [{ language, code, output: next?.language === "text" ? next.code : undefined }];
  });
}

/** The packages of ours that code imports. */
export function importedPackages(code: string): readonly string[] {
  return [...new Set([...code.matchAll(/ from "(@ob\/[^/"]+)/g)].map(([, name = ""]) => name))];
}
