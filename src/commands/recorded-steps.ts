/**
 * Long work in steps that are each done once: a record beside the results says which steps are finished, by a hash of
 * everything that their result depends on. A call that was interrupted, or made again, repeats only what is missing.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { writeFileAtomic } from "../files/atomic-file.ts";
import * as z from "../files/zod.ts";

/** One step. */
export interface RecordedStep {
  /** Unique; also what progress shows. */
  readonly title: string;
  /** What it is made from, and what it changes: later steps that read what it changes are not done any more. */
  readonly reads: readonly string[];
  readonly changes: readonly string[];
  /** Hash of everything that its result depends on; empty while that cannot be said. */
  key(): string;
  /** Does it; gives the files that it made. While one of them is missing or damaged, the step is not done. */
  perform(): Promise<readonly string[]>;
  /** Called instead of `perform` when the step was done before. */
  resume?(): void;
}

/** A finished step. */
export interface StepRecord {
  /** Hash of everything that its result depends on; empty while the step is not finished. */
  readonly key: string;
  /** What it took, calls that were interrupted included. */
  readonly elapsedMs: number;
  /** What it made; paths from the record's folder. */
  readonly files: readonly string[];
}

/** A step begins, or turns out to be finished. */
export interface StepNotice {
  readonly title: string;
  readonly at: number;
  readonly of: number;
  readonly isDone: boolean;
}

/**
 * Runs the steps in order, leaving out those that are recorded as done.
 * @param recordPath the record, a JSON file.
 * @param options.isWhole whether a file that is there is as it was written; that is not looked at by default.
 * @returns every step's record, by title.
 * @throws whatever a step throws; its time so far is kept.
 */
export async function runRecordedSteps(
  steps: readonly RecordedStep[],
  recordPath: string,
  {
    step: notice,
    isWhole = async () => true,
    signal,
  }: {
    step?: ((step: StepNotice) => void) | undefined;
    isWhole?: (path: string) => Promise<boolean>;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<ReadonlyMap<string, StepRecord>> {
  const held = readRecords(recordPath);
  const folder = dirname(recordPath);
  const records = new Map<string, StepRecord>();
  const write = (): void =>
    writeFileAtomic(recordPath, `${JSON.stringify({ steps: Object.fromEntries(held) }, null, 2)}\n`);
  const keep = (title: string, record: StepRecord): void => {
    held.set(title, record);
    write();
  };
  /** Before what it reads changes, so that an interruption leaves no record of something that is not so any more. */
  const forget = (title: string): void => {
    if (held.get(title)?.key && held.delete(title)) write();
  };
  const areWhole = async (files: readonly string[]): Promise<boolean> => {
    for (const file of files) {
      const path = join(folder, file);
      if (!existsSync(path) || !(await isWhole(path))) return false;
    }
    return true;
  };
  for (const [at, step] of steps.entries()) {
    signal?.throwIfAborted();
    const done = held.get(step.title);
    const isDone = done !== undefined && isCurrent(step, done) && (await areWhole(done.files));
    notice?.({ title: step.title, at, of: steps.length, isDone });
    if (done && isDone) {
      step.resume?.();
      records.set(step.title, done);
      continue;
    }
    for (const later of steps.slice(at + 1)) {
      if (later.reads.some((name) => step.changes.includes(name))) forget(later.title);
    }
    const began = performance.now();
    const before = done?.key === "" ? done.elapsedMs : 0;
    const elapsed = (): number => before + Math.round(performance.now() - began);
    let files: string[];
    try {
      files = (await step.perform()).map((file) => relative(folder, file));
    } catch (error) {
      keep(step.title, { key: "", elapsedMs: elapsed(), files: [] });
      throw error;
    }
    const record = { key: step.key(), elapsedMs: elapsed(), files };
    records.set(step.title, record);
    keep(step.title, record);
  }
  return records;
}

/** Whether a step's record is that of what would be made now. */
function isCurrent(step: RecordedStep, done: StepRecord | undefined): boolean {
  const key = step.key();
  return key !== "" && done?.key === key;
}

const recordSchema = z.object({
  steps: z.record(z.string(), z.object({ key: z.string(), elapsedMs: z.number(), files: z.array(z.string()) })),
});

function readRecords(path: string): Map<string, StepRecord> {
  if (!existsSync(path)) return new Map();
  try {
    return new Map(Object.entries(recordSchema.parse(JSON.parse(readFileSync(path, "utf8"))).steps));
  } catch {
    return new Map(); // a damaged record costs time, not results: every step continues from its own run folder
  }
}
