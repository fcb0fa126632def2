// node scripts/base-image.mjs NAME STORE: makes a base image, unless the store has it as its recipe makes it now.
// Runs on the Node of node_modules, once the packages are compiled.
import { getuid } from "node:process";
import { buildImage, imageIsCurrent } from "../images/dist/src/index.js";
import { which } from "./environment.mjs";
import { phases } from "./phases.mjs";

const [name, store] = process.argv.slice(2);
const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => controller.abort());

if (!(await imageIsCurrent({ name, store }))) {
  console.log(`Making the base image ${name}. This is done once, and takes a minute or two.`);
  const start = performance.now();
  const progress = phases(process.stdout);
  try {
    await buildImage(
      { name, store },
      {
        onEvent: (event) => progress.show(event),
        signal: controller.signal,
        becomeRoot: getuid?.() !== 0 && which("sudo") ? ["sudo"] : [],
      },
    );
    progress.end();
    console.log(`Made ${name} in ${Math.round((performance.now() - start) / 1000)} s: ${store}/base-image`);
  } catch (error) {
    progress.end();
    if (error.code === undefined) throw error;
    console.error(`${error.message}${error.hint ? `\n${error.hint}` : ""}`);
    process.exitCode = error.code === "CANCELLED" ? 130 : 1;
  }
}
