/** Workers of a queue as a simulation: tasks that take their time, machines that go away, and what that loses. */
import type { Random } from "../src/numeric/random.ts";

/** What is computed, by whom. */
export interface Scenario {
  /** Seconds of each task on one worker. */
  readonly tasks: readonly number[];
  /** Seconds that a process needs before its task begins. */
  readonly start: number;
  readonly workers: number;
  /** Seconds that a machine lives on average (exponential); for ever by default. */
  readonly lifetime?: number | undefined;
  /** Seconds until another machine takes a lost one's place, and until a lost task is free again. */
  readonly replacement: number;
  readonly release: number;
}

/** What came of it. */
export interface Outcome {
  /** Seconds until the last task was done; infinite where machines live too short a time for a task. */
  readonly elapsed: number;
  /** Tasks that were lost and begun again. */
  readonly lost: number;
}

/** A task is begun so often at most; the simulation then says that it never ends. */
const MOST_BEGINNINGS = 2_000;

/** Simulates it: every worker takes the next task as soon as it is free. */
export function simulate(
  { tasks, start, workers, lifetime = Number.POSITIVE_INFINITY, replacement, release }: Scenario,
  { uniform }: Pick<Random, "uniform">,
): Outcome {
  const life = (): number => (lifetime === Number.POSITIVE_INFINITY ? lifetime : -lifetime * Math.log(1 - uniform()));
  /** When each worker is free, and when its machine goes. */
  const free = openHeap();
  for (let worker = 0; worker < Math.min(workers, tasks.length); worker++) free.push({ at: 0, gone: life(), task: -1 });
  const waiting = openHeap();
  for (const task of tasks.keys()) waiting.push({ at: 0, gone: 0, task });
  const begun = new Int32Array(tasks.length);
  let [elapsed, lost] = [0, 0];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const worker = free.pop();
    if (!worker) break;
    const from = Math.max(worker.at, next.at);
    const until = from + start + tasks[next.task];
    if (until <= worker.gone) {
      elapsed = Math.max(elapsed, until);
      free.push({ ...worker, at: until });
      continue;
    }
    if (++begun[next.task] > MOST_BEGINNINGS) return { elapsed: Number.POSITIVE_INFINITY, lost };
    const back = Math.max(worker.gone, worker.at) + replacement;
    free.push({ at: back, gone: back + life(), task: -1 });
    if (worker.gone <= from)
      waiting.push(next); // it went while it was idle
    else {
      lost++;
      waiting.push({ ...next, at: worker.gone + release });
    }
  }
  return { elapsed, lost };
}

interface Event {
  readonly at: number;
  readonly gone: number;
  readonly task: number;
}

/** The earliest first. */
function openHeap(): { push(event: Event): void; pop(): Event | undefined } {
  const heap: Event[] = [];
  const isBefore = (a: number, b: number): boolean => heap[a].at < heap[b].at;
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b], heap[a]];
  };
  return {
    push: (event) => {
      heap.push(event);
      for (let at = heap.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
    },
    pop: () => {
      if (heap.length < 2) return heap.pop();
      swap(0, heap.length - 1);
      const first = heap.pop();
      for (let at = 0; ; ) {
        const children = [2 * at + 1, 2 * at + 2].filter((child) => child < heap.length && isBefore(child, at));
        const least = children.length === 2 && isBefore(children[1], children[0]) ? children[1] : children[0];
        if (least === undefined) return first;
        swap(at, least);
        at = least;
      }
    },
  };
}
