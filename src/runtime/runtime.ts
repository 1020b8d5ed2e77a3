/** What a runtime must offer so that sessions can be opened in it: typed arrays in, typed arrays out. */
import type { ElementType, TensorData } from "../onnx/graph.ts";
import type { OutsideData } from "../onnx/tensor-file.ts";

/** Where the runtime computes; what was tested of devices is in docs/gpu.md. */
export type Provider = "cpu" | "cuda" | "webgpu";

/** A value on its way in or out of a session, row-major. */
export interface Value<T extends TensorData = TensorData> {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly data: T;
  /** What the runtime knows it by where `Runtime.place` put it. */
  readonly onDevice?: unknown;
}

/** Values that lie on a device until they are freed. */
export interface Placed {
  readonly values: Readonly<Record<string, Value>>;
  free(): void;
}

/** How a session is opened. */
export interface SessionOptions {
  /** The runtime's threads inside an operator. */
  readonly threads: number;
  readonly provider: Provider;
  /** Graph optimisations; `extended` leaves out the blocked layout of images, `disabled` all. */
  readonly optimize: "all" | "extended" | "disabled";
  /** What to call the graph in messages. */
  readonly place: string;
  /** The folder of the weights that the model names and does not hold. */
  readonly weights?: string | undefined;
}

/** An opened graph. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph; `outputs` names the outputs to fetch (all when absent).
   * @param into where outputs may be written, which must be of these dims; what is returned says whether one was.
   */
  run(
    feeds: Readonly<Record<string, Value>>,
    outputs?: readonly string[],
    into?: Readonly<Record<string, Value>>,
  ): Promise<Record<string, Value>>;
  /** Frees the session. */
  close(): Promise<void>;
}

/** What can run an ONNX file. */
export interface Runtime {
  /** @throws {UnitscopeError} `model` if it refuses the graph. */
  open(model: Uint8Array, options: SessionOptions): Promise<Session>;
  /** Copies values to a device, for all sessions there; undefined where it cannot hold them. */
  readonly place?: (values: Readonly<Record<string, Value>>, provider: Provider) => Promise<Placed | undefined>;
  /** Puts the weights of large models where all sessions share them; absent where there is no such place. */
  readonly store?: (tensors: readonly TensorData[]) => OutsideData | null;
}
