/** What a suffix is fed: the block's tensors, and which channels of carried tensors are replaced. */
import { floatValue, type Session, type Value } from "../runtime/session.ts";
import type { LayerPorts } from "./prefix-graph.ts";
import type { BlockTensor, PreparedBlock } from "./prepared-block.ts";
import { replacedInput } from "./suffix-graph.ts";
import type { SuffixPlan } from "./suffix-plan.ts";

/** Values by the names of a session's inputs. */
export type Feeds = Readonly<Record<string, Value>>;

/** What a suffix starts from: tensors of the block, and those that do not depend on the image. */
export function baseFeeds(ports: LayerPorts, block: PreparedBlock, fixed: ReadonlyMap<string, BlockTensor>): Feeds {
  const feeds: Record<string, Value> = {};
  const add = (name: string): void => {
    const tensor = block.tensors.get(name) ?? fixed.get(name);
    if (tensor) feeds[name] = floatValue(tensor.dims, tensor.data);
  };
  for (const port of ports.frontiers) [port.output, port.change].forEach(add);
  for (const port of ports.carried) [port.tensor, port.replaced].forEach(add);
  ports.side.forEach(add);
  return feeds;
}

/** Which channels of each masked tensor are replaced. */
export function replacedMasks(plan: SuffixPlan, units: readonly number[]): Feeds {
  return Object.fromEntries(
    maskedTensors(plan).map(({ axis, rank, channels, offset, run }, i) => {
      const mask = new Uint8Array(channels * run);
      for (const unit of units) mask.fill(1, (offset + unit) * run, (offset + unit + 1) * run);
      const dims = Array.from({ length: rank }, (_, each) => (each === axis ? mask.length : 1));
      return [replacedInput(i), { type: "bool", dims, data: mask } satisfies Value];
    }),
  );
}

/** Where units are replaced: in the carried tensors, or at the tap of a whole network. */
function maskedTensors(plan: SuffixPlan): {
  axis: number;
  rank: number;
  channels: number;
  offset: number;
  run: number;
}[] {
  const { axis, rank, units, unitSize, carried } = plan;
  if (plan.whole !== null) return [{ axis, rank, channels: units, offset: 0, run: unitSize }];
  return carried.map((tensor) => ({ ...tensor, rank: tensor.dims.length }));
}

/** What a session takes of some feeds. */
export function onlyInputs(feeds: Feeds, { inputNames }: Session): Feeds {
  const inputs: Record<string, Value> = {};
  for (const name of inputNames) if (Object.hasOwn(feeds, name)) inputs[name] = feeds[name];
  return inputs;
}

/** Which channels of each masked tensor are replaced, in pairs of a unit each. */
export function pairMasks(plan: SuffixPlan, units: Int32Array): Feeds {
  return Object.fromEntries(
    maskedTensors(plan).map(({ axis, rank, channels, offset, run }, i) => {
      const row = channels * run;
      const mask = new Uint8Array(units.length * row);
      for (let pair = 0; pair < units.length; pair++) {
        const from = pair * row + (offset + units[pair]) * run;
        mask.fill(1, from, from + run);
      }
      const dims = Array.from({ length: rank }, (_, each) => (each === axis ? row : each === 0 ? units.length : 1));
      return [replacedInput(i), { type: "bool", dims, data: mask } satisfies Value];
    }),
  );
}
