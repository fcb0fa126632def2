import path from "node:path";

export const repository = path.resolve(import.meta.dirname, "../../..");

/** What `npm run demo` makes: the recording, and the README's picture. */
export const recordingFile = path.join(import.meta.dirname, "../../demo.cast");
export const pictureFile = path.join(repository, "docs/demo.svg");
