/** Why an operation was refused; the command line maps `check` to exit code 1, `internal` to 3, and the others to 2. */
export type ErrorCode =
  | "usage" // an option or argument that does not fit
  | "file" // a file or folder that is missing, unreadable, or not what it should be
  | "model" // an ONNX model that cannot be read, split or run
  | "layer" // a layer or unit that does not exist, or cannot be ablated that way
  | "data" // images, labels or concepts that do not fit
  | "shape" // lengths or dimensions that disagree
  | "value" // a number out of its range, NaN among them
  | "run" // a run folder that is incomplete, or holds another run
  | "download" // something that could not be fetched, or arrived damaged
  | "interrupted" // stopped on request
  | "waiting" // a result that needs parts which others have not finished
  | "check" // a fast route that disagrees with the whole network
  | "internal"; // a broken invariant of ours

/**
 * The one error of this package. Its message is a single line:
 * `<place>: expected <rule>, got <value>[; what to do]`.
 */
export class UnitscopeError extends Error {
  readonly code: ErrorCode;
  /** Machine-readable particulars, for callers that handle the error themselves. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    { details = {}, cause }: { details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(oneLine(message), cause === undefined ? undefined : { cause });
    this.name = "UnitscopeError";
    this.code = code;
    this.details = details;
  }
}

/** More of a message than this says nothing more. */
const MAX_MESSAGE = 1500;

/** A message as one line of sensible length that a terminal shows as it is, whatever names and values are quoted in it. */
function oneLine(message: string): string {
  const plain = message
    .replaceAll(/\s*[\r\n\t\u2028\u2029]\s*/g, " ")
    .replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd");
  if (plain.length <= MAX_MESSAGE) return plain;
  return `${plain.slice(0, MAX_MESSAGE / 2)} … ${plain.slice(-MAX_MESSAGE / 2)}`;
}

/** Lists allowed values for a message: all of them up to ten, then the first ten and how many there are. */
export function listAllowed(values: readonly string[]): string {
  if (values.length <= 10) return values.join(", ");
  return `${values.slice(0, 10).join(", ")}, … (${values.length} in all)`;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** @throws {UnitscopeError} `interrupted` if the signal has fired. */
export function throwIfInterrupted(signal: AbortSignal | undefined, place: string): void {
  if (signal?.aborted) throw new UnitscopeError("interrupted", `${place}: expected to finish, got an interruption`);
}
