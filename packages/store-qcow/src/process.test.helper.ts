import { once } from "node:events";
import { isLayerId, layerId, storeLayout } from "@ob/core";
import { openStore } from "./store.ts";

/*
 * The commands of a test's second process: see child.test.helper.ts. Each prints a line when it has reached its point, and
 * continues when it gets a line.
 */

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const waitForLine = async (): Promise<void> => void (await once(process.stdin, "data"));

const [command = "", ...args] = process.argv.slice(2);
const [first = "", second = "", third = ""] = args;

switch (command) {
  case "begin": {
    const store = await openStore({ directory: first });
    const writer = await store.tryBegin(layerId(second));
    say(writer ? "begun" : "refused");
    writer?.appendLog(Buffer.from("begun\n"));
    if (writer && isLayerId(third)) say(await writer.createDisk(third));
    await waitForLine();
    await writer?.commit();
    await store[Symbol.asyncDispose]();
    break;
  }
  case "flatten": {
    const { StoreDatabase } = await import("./db/database.ts");
    const { BackgroundWork } = await import("./background.ts");
    const { flattenLayer } = await import("./chain/flatten.ts");
    const layout = storeLayout(first);
    const emit = () => undefined;
    const database = new StoreDatabase(layout.database);
    const context = {
      layout,
      database,
      emit,
      background: new BackgroundWork(emit),
      diskSize: undefined,
      confine: undefined,
    };
    say("begun");
    await flattenLayer(context, layerId(second), { fromLength: 3 });
    await waitForLine();
    break;
  }
  case "scratch-disk": {
    const store = await openStore({ directory: first });
    const scratch = await store.createScratchDisk(layerId(second));
    say(scratch.disk);
    await waitForLine();
    await scratch[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    break;
  }
  case "race": {
    // Builds a chain of layers as a builder does, and counts those that it made itself.
    const store = await openStore({ directory: first });
    let parent = layerId(second);
    let made = 0;
    for (const text of third.split(",")) {
      const id = layerId(text);
      while (!(await store.find(id))) {
        await using writer = await store.tryBegin(id);
        if (!writer) {
          for await (const bytes of store.readLog(id)) void bytes;
        } else if (!(await store.find(id))) {
          await writer.createDisk(parent);
          writer.appendLog(Buffer.from(`made by ${process.pid}\n`));
          await writer.commit();
          made += 1;
        }
      }
      parent = id;
    }
    say(String(made));
    await store[Symbol.asyncDispose]();
    break;
  }
  default:
    throw new Error(`no such command: ${command}`);
}
process.exit(0);
