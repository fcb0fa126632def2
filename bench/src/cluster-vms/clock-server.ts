// Says when it was sent each line: the other end of the guest's second way out. Its argument is its address.
import { createServer } from "node:net";
import { argv, stdout } from "node:process";
import { createInterface } from "node:readline";

const [, , host = "", port = ""] = argv;
const server = createServer((socket) => {
  createInterface({ input: socket }).on("line", (line) => stdout.write(`${line} ${Date.now()}\n`));
});
server.listen(Number(port), host, () => stdout.write("ready\n"));
