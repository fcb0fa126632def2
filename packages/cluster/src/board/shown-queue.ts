import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import type { JobStatus } from "@bull-board/api/typings/app";
import type { Job, Queue } from "bullmq";
import * as v from "valibot";

/** What of a job's data is shown: to which build, pool and layers it belongs. */
const shownSchema = v.object({
  build: v.string(),
  pool: v.optional(v.string()),
  chain: v.optional(v.array(v.string())),
});

/**
 * A queue as bull-board shows it: it is only read, and of a job nothing is shown but where it belongs, and when it was
 * added and begun. Specs, commands and errors are not.
 */
export class ShownQueue extends BullMQAdapter {
  constructor(queue: Queue) {
    super(queue, { readOnlyMode: true, allowRetries: false });
  }

  override async getJob(id: string): Promise<Job | undefined> {
    const job = await super.getJob(id);
    return job && shown(job);
  }

  override async getJobs(states: JobStatus[], start?: number, end?: number): Promise<Job[]> {
    return (await super.getJobs(states, start, end)).map(shown);
  }

  override async getJobLogs(): Promise<string[]> {
    return [];
  }

  /** It would ask for all clients of the server, which workers may not. */
  override async getWorkers(): Promise<never[]> {
    return [];
  }
}

/** Takes what is not to be shown out of a job that was read. */
function shown(job: Job): Job {
  const data = v.safeParse(shownSchema, job.data);
  return Object.assign(job, {
    data: data.success ? data.output : {},
    opts: {},
    progress: 0,
    failedReason: "",
    deferredFailure: "",
    stacktrace: [],
    returnvalue: null,
  });
}
