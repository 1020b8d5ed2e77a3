/**
 * A session on a device whose first run is repeated on the CPU. Devices' kernels have faults that give wrong numbers
 * without an error: ONNX Runtime's WebGPU convolution, for one, where the input has a multiple of 3 but not of 4 channels
 * (see docs/gpu.md).
 */
import { UnitscopeError } from "../errors.ts";
import type { Provider, Session, Value } from "./runtime.ts";

/**
 * How far a value of a device may be from the CPU's: this part of the tensor's largest, and this much besides. TF32, the
 * shortest format that a device computes float32 products in, keeps 10 bits, a thousandth; the fault that was met moved
 * values by 30 % and more. What is 0 but for rounding (gradients of a bias before batch norm) has no largest value to go by.
 */
const RELATIVE = 0.01;
const ABSOLUTE = 1e-5;

/** The device's session; what its first run gives is compared with what `openOnCpu`'s session gives for the same. */
export function checkedOnce(
  session: Session,
  { provider, place, openOnCpu }: { provider: Provider; place: string; openOnCpu: () => Promise<Session> },
): Session {
  let isChecked = false;
  return {
    ...session,
    run: async (feeds, outputs) => {
      if (isChecked) return await session.run(feeds, outputs);
      const cpu = await openOnCpu();
      const expected = await cpu.run(feeds, outputs);
      await cpu.close();
      const found = await session.run(feeds, outputs);
      for (const [name, value] of Object.entries(found)) {
        const difference = largestDifference(value, expected[name]);
        if (difference === null) continue;
        throw new UnitscopeError(
          "model",
          `${place}, tensor "${name}": expected provider "${provider}" to give the values of the CPU to ${100 * RELATIVE} % of the largest, got ${difference}: a fault of ONNX Runtime or the driver; use provider "cpu"`,
        );
      }
      isChecked = true;
      return found;
    },
  };
}

/** How a tensor differs, in words; `null` where it does not, or is not of floating-point numbers. */
function largestDifference({ data }: Value, expected: Value | undefined): string | null {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return null;
  const other = expected?.data;
  if (!(other instanceof Float32Array || other instanceof Float64Array) || other.length !== data.length) {
    return `${data.length} values for ${other?.length ?? 0}`;
  }
  let largest = 0;
  let apart = 0;
  for (let at = 0; at < data.length; at++) {
    if (Number.isFinite(other[at])) largest = Math.max(largest, Math.abs(other[at]));
    if (Object.is(data[at], other[at])) continue;
    const difference = Math.abs(data[at] - other[at]);
    if (!(difference <= apart)) apart = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  if (apart <= RELATIVE * largest + ABSOLUTE) return null;
  return largest > 0 ? `${((100 * apart) / largest).toPrecision(2)} %` : `a difference of ${apart.toPrecision(2)}`;
}
