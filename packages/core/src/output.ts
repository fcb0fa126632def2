/**
 * Takes output in pieces. A promise says that it cannot take more until the promise resolves: the source stops reading, and
 * what writes the output waits, as with a pipe that is full. The promise never rejects.
 */
export type OnOutput = (bytes: Uint8Array) => Promise<void> | void;
