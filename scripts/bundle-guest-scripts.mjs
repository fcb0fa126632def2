// Puts the scripts of each guest, packages/sandbox-qemu/src/guest/*/scripts/, and of each image, images/*/scripts/, into one
// module each, so that they need no files when the package runs. With --check it changes nothing, and fails if a module is out
// of date, `shellcheck` finds a fault, or a PowerShell script has an error of syntax.
//
// In a script, `. ./lib/x.sh` on its own line is replaced by the text of that file, once; '@./lib/x.sh@' between single quotes
// for a whole script. Comments stay behind. Each file that is not in lib/ becomes a constant: run-as-user.sh is runAsUser.
//
// The same is done with the Lua scripts that the cluster runs in Redis: there `--@include lib/x.lua` is replaced.
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative } from "node:path";
import { argv, exit } from "node:process";

const root = join(import.meta.dirname, "..");
const check = argv.includes("--check");

/** The script's text without comments, and with what it sources. */
function expand(file, sourced = new Set()) {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => !isComment(line, file))
    .map((line) => {
      const source = /^(?:\. (\S+\.sh)|--@include (\S+\.lua))$/.exec(line)?.slice(1).find(Boolean);
      if (source === undefined)
        return line.replaceAll(/@(\.[\w./-]+)@/g, (_, path) => quoted(join(dirname(file), path)));
      const path = join(dirname(file), source);
      if (sourced.has(path)) return undefined;
      sourced.add(path);
      return expand(path, sourced);
    })
    .filter((line) => line !== undefined)
    .join("\n");
}

function isComment(line, file) {
  if (extname(file) === ".lua") return /^\s*(?:--(?!@include)|$)/.test(line);
  return /^\s*(?:#|$)/.test(line);
}

function quoted(file) {
  const text = expand(file);
  if (text.includes("'")) throw new Error(`${file} is inserted between single quotes, and must have none.`);
  return text;
}

function constant(file) {
  const name = basename(file, extname(file)).replaceAll(/-./g, (match) => match.slice(1).toUpperCase());
  const text = expand(file).replaceAll(/[\\`]|\$(?=\{)/g, String.raw`\$&`);
  return `export const ${name} = \`${text}\`;\n`;
}

const folders = globSync(
  [
    "packages/sandbox-qemu/src/guest/*/scripts/",
    "packages/cluster/src/redis/scripts/",
    "images/{*,src/*}/scripts/",
  ],
  { cwd: root },
).toSorted();
for (const folder of folders) {
  const files = globSync("*.{sh,ps1,lua}", { cwd: join(root, folder) }).toSorted();
  const module = join(root, dirname(folder), "scripts.generated.ts");
  const header = "// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.\n";
  const text = [header, ...files.map((file) => constant(join(root, folder, file)))].join("\n");
  if (!check) writeFileSync(module, text);
  else if (text !== readFileSync(module, "utf8")) {
    console.error(`${relative(root, module)} is out of date: run node scripts/bundle-guest-scripts.mjs`);
    exit(1);
  }
}

if (check) {
  const scripts = folders.flatMap((folder) => globSync(`${folder}/*.sh`, { cwd: root }));
  const { status, error } = spawnSync("shellcheck", ["-s", "sh", "-x", "-P", "SCRIPTDIR", ...scripts], {
    cwd: root,
    stdio: "inherit",
  });
  if (error) console.error("shellcheck is not installed: the scripts for guests were not checked by it.");
  else if (status !== 0) exit(1);

  const { powershellParser, powershellScripts } = await import("./powershell-syntax.mjs");
  const errorsIn = await powershellParser();
  const errors = powershellScripts().flatMap((file) =>
    errorsIn(readFileSync(join(root, file), "utf8")).map((place) => `${file}:${place}`),
  );
  if (errors.length > 0) {
    console.error(errors.join("\n"));
    exit(1);
  }
}
