import { throwIfCancelled } from "../../errors.ts";
import type {
  EphemeralGuest,
  EphemeralGuestRequest,
  ReadArchiveOptions,
} from "../../ports/ephemeral-guest.ts";
import type { ExecRequest } from "../../ports/guest.ts";

/** A read from an ephemeral guest, as a test's function gets it. */
export interface FakeReadRequest extends ReadArchiveOptions {
  readonly request: EphemeralGuestRequest;
  readonly path: string;
  /** Fires when the guest or the read is cancelled. */
  readonly signal: AbortSignal;
}

export interface FakeGuest {
  /** Simulates the guest's tar. By default the archive is empty. */
  readonly readArchive?: (reading: FakeReadRequest) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Simulates a program at a terminal, and returns its exit status; by default 0. */
  readonly execInteractive?: (interaction: ExecRequest, signal?: AbortSignal) => number | Promise<number>;
}

export interface FakeGuestOptions {
  readonly request: EphemeralGuestRequest;
  readonly signal: AbortSignal;
  readonly onClose: () => void;
}

const emptyArchive = Buffer.alloc(1024);

/** An ephemeral guest that functions simulate. */
export function openFakeGuest(guest: FakeGuest, options: FakeGuestOptions): EphemeralGuest {
  const { request, signal: guestSignal, onClose } = options;
  const closed = new AbortController();
  const life = (signal: AbortSignal | undefined) =>
    AbortSignal.any([guestSignal, closed.signal, ...(signal ? [signal] : [])]);
  return {
    async *readArchive(path, { signal: reading, ...wanted } = {}) {
      const signal = life(reading);
      const { readArchive = () => [emptyArchive] } = guest;
      for await (const bytes of readArchive({ ...wanted, request, path, signal })) {
        throwIfCancelled(signal);
        yield bytes;
      }
    },
    execInteractive: async (interaction, interacting) => {
      const signal = life(interacting);
      throwIfCancelled(signal);
      return (await guest.execInteractive?.(interaction, signal)) ?? 0;
    },
    [Symbol.asyncDispose]: async () => {
      if (closed.signal.aborted) return;
      closed.abort();
      onClose();
    },
  };
}
