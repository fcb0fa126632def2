import { readdir, readFile, readlink, stat } from "node:fs/promises";

/** The ids of a process and of all its descendants, from /proc. */
export async function treeOf(pid: number): Promise<readonly number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const below = await Promise.all(
    children
      .trim()
      .split(/\s+/)
      .filter(Boolean)
      .map((child) => treeOf(Number(child))),
  );
  return [pid, ...below.flat()];
}

/** The process ids of every QEMU whose arguments name a directory, without the process that confines it. */
export async function qemusOf(directory: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const argv = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const program = argv.split("\0")[0] ?? "";
    if (program.includes("qemu-system") && argv.includes(directory)) found.push(Number(pid));
  }
  return found;
}

/** The fields of /proc/PID/status. */
export async function statusOf(pid: number): Promise<ReadonlyMap<string, string>> {
  const lines = (await readFile(`/proc/${pid}/status`, "utf8")).split("\n");
  return new Map(lines.map((line) => [line.split(":")[0] ?? "", line.slice(line.indexOf(":") + 1).trim()]));
}

/** Whether a process sees a path of the host. */
export async function sees(pid: number, file: string): Promise<boolean> {
  return await stat(`/proc/${pid}/root${file}`).then(
    () => true,
    () => false,
  );
}

/** What any user of the host can read of a process: its arguments and its environment. */
export async function argumentsAndEnvironment(pid: number): Promise<string> {
  const [argv, environment] = await Promise.all(
    ["cmdline", "environ"].map((file) => readFile(`/proc/${pid}/${file}`, "latin1").catch(() => "")),
  );
  return `${argv}\0${environment}`;
}

/** The addresses and ports on which a process listens for TCP. Addresses are in hexadecimal, as in /proc/net. */
export async function listening(
  pid: number,
): Promise<readonly { readonly address: string; readonly port: number }[]> {
  const descriptors = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const tables = await Promise.all(["tcp", "tcp6"].map((table) => readFile(`/proc/net/${table}`, "utf8")));
  const listens = "0A";
  return tables.flatMap((table) =>
    table
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === listens && inodes.has(fields[9] ?? ""))
      .map((fields) => {
        const [address = "", port = ""] = (fields[1] ?? "").split(":");
        return { address, port: Number.parseInt(port, 16) };
      }),
  );
}
