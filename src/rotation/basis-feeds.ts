/** A basis as a graph's inputs. */
import { floatValue, type Session, type Value } from "../runtime/session.ts";
import { COORDINATES_INPUT, perUnit, ROTATION_INPUT } from "./direction-graphs.ts";

/** A basis: row `k` is the `k`-th direction, orthonormal, float64 `[units, units]`. */
export type Basis = Float64Array;

/** The rotation as float32, and the coordinates of what replaces the units. */
export function basisFeeds(basis: Basis, replacement: Float32Array, size: readonly number[]): Record<string, Value> {
  const units = replacement.length;
  const coordinates = new Float32Array(units);
  for (let k = 0; k < units; k++) {
    let sum = 0;
    for (let u = 0; u < units; u++) sum += basis[k * units + u] * replacement[u];
    coordinates[k] = sum;
  }
  return {
    [ROTATION_INPUT]: floatValue([units, units, ...size.map(() => 1)], Float32Array.from(basis)),
    [COORDINATES_INPUT]: floatValue(perUnit(units, size), coordinates),
  };
}

/** Which coordinates stay when some directions are removed. */
export function keepFeed(units: number, size: readonly number[], directions: readonly number[] | undefined): Value {
  const keep = new Uint8Array(units).fill(1);
  for (const direction of directions ?? []) keep[direction] = 0;
  return { type: "bool", dims: perUnit(units, size), data: keep };
}

/** The data of a session's first output. */
export function firstOutput(session: Session, results: Record<string, Value>): Float32Array {
  return results[session.outputNames[0]]?.data as Float32Array;
}
