import { once } from "node:events";
import { isLayerId, layerId, storeLayout } from "@ob/core";
import { openStore } from "./store.ts";

/*
 * What the second process of a test does: see child.test.helper.ts. Each prints a line when it has come to where it is
 * wanted, and goes on when it is given a line.
 */

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const beTold = async (): Promise<void> => void (await once(process.stdin, "data"));

const [command = "", ...args] = process.argv.slice(2);
const [first = "", second = "", third = ""] = args;

switch (command) {
  case "claim": {
    const store = await openStore({ directory: first });
    const claim = await store.tryBegin(layerId(second));
    say(claim ? "claimed" : "refused");
    claim?.appendLog(Buffer.from("begun\n"));
    if (claim && isLayerId(third)) say(await claim.createDisk(third));
    await beTold();
    await claim?.commit();
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
    const context = { layout, database, emit, background: new BackgroundWork(emit), diskSize: undefined };
    say("begun");
    await flattenLayer(context, layerId(second), { fromLength: 3 });
    await beTold();
    break;
  }
  case "borrow": {
    const store = await openStore({ directory: first });
    const loan = await store.createScratchDisk(layerId(second));
    say(loan.disk);
    await beTold();
    await loan[Symbol.asyncDispose]();
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
        await using claim = await store.tryBegin(id);
        if (!claim) {
          for await (const bytes of store.readLog(id)) void bytes;
        } else if (!(await store.find(id))) {
          await claim.createDisk(parent);
          claim.appendLog(Buffer.from(`made by ${process.pid}\n`));
          await claim.commit();
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
