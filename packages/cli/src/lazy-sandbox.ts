import type {
  EphemeralGuest,
  EphemeralGuestOptions,
  EphemeralGuestRequest,
  Sandbox,
  SandboxRunOptions,
  SandboxStep,
  StepSession,
} from "@ob/core";

export interface LazySandboxOptions extends Pick<Sandbox, "distinctTargets" | "guest"> {
  /** Called once, when the first step or ephemeral guest is to run. */
  readonly create: () => Promise<Sandbox>;
}

/** A sandbox that is created when something is to run in it: a build whose layers are all in the store needs none. */
export class LazySandbox implements Sandbox {
  readonly distinctTargets: boolean | undefined;
  readonly guest: Sandbox["guest"];
  readonly #create: () => Promise<Sandbox>;
  #created: Promise<Sandbox> | undefined;

  constructor({ distinctTargets, guest, create }: LazySandboxOptions) {
    this.distinctTargets = distinctTargets;
    this.guest = guest;
    this.#create = create;
  }

  async run(step: SandboxStep, options?: SandboxRunOptions): Promise<void> {
    const sandbox = await this.#sandbox();
    await sandbox.run(step, options);
  }

  openSession(): StepSession {
    let opened: Promise<StepSession> | undefined;
    return {
      run: async (step, options) => {
        opened ??= this.#sandbox().then((sandbox) => sandbox.openSession());
        const session = await opened;
        await session.run(step, options);
      },
      [Symbol.asyncDispose]: async () => await dispose(opened),
    };
  }

  async openEphemeral(
    request: EphemeralGuestRequest,
    options?: EphemeralGuestOptions,
  ): Promise<EphemeralGuest> {
    const sandbox = await this.#sandbox();
    return await sandbox.openEphemeral(request, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await dispose(this.#created);
  }

  #sandbox(): Promise<Sandbox> {
    return (this.#created ??= this.#create());
  }
}

/** What could not be made has failed the step that needed it. */
async function dispose(made: Promise<AsyncDisposable> | undefined): Promise<void> {
  const found = await made?.catch(() => undefined);
  await found?.[Symbol.asyncDispose]();
}
