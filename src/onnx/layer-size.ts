/** Where a layer's units stand in its tensor, how many there are, and what places a unit's response has. */
import { type Axes, channelAxis } from "./axes.ts";
import type { ElementType } from "./graph.ts";
import type { Shape } from "./shapes.ts";

/** The units and positions of a layer. */
export interface LayerSize {
  readonly units: number;
  /** The axis of the units in the tap. */
  readonly axis: number;
  /** Axes of the tap. */
  readonly rank: number;
  /** Height and width of a unit's response; 1 for a linear layer. Tokens are laid out on the grid of their patches. */
  readonly height: number;
  readonly width: number;
  /** Whether positions are places in the image, so that they can be drawn on it; a single position is none. */
  readonly isMap: boolean;
  /** Tokens before those of the patches (class tokens), which are no part of the response. */
  readonly skip: number;
}

/** The size of a layer whose response a tensor holds; a text says why it holds none. */
export function sizeOf(
  tensor: string,
  {
    shapes,
    axes,
    types,
    unitSize,
    isLast,
  }: {
    shapes: ReadonlyMap<string, Shape>;
    axes: ReadonlyMap<string, Axes>;
    types: ReadonlyMap<string, ElementType>;
    unitSize: number;
    isLast: boolean;
  },
): LayerSize | string {
  const shape = shapes.get(tensor);
  const labels = axes.get(tensor);
  if (!shape || !labels) return `a tensor "${tensor}" of unknown shape`;
  if (types.get(tensor) !== "float32") return `a tensor "${tensor}" of ${types.get(tensor)}`;
  const axis = isLast || shape.length === 2 ? shape.length - 1 : channelAxis(labels);
  if (axis === undefined) return `a tensor "${tensor}" [${shape.join(", ")}] whose axis of channels is not known`;
  const channels = shape[axis];
  const rest = shape.filter((_, i) => i !== axis && i !== 0);
  if (typeof channels !== "number" || channels % unitSize !== 0) {
    return `a tensor "${tensor}" [${shape.join(", ")}] whose number of channels is not fixed`;
  }
  const base = { units: channels / unitSize, axis, rank: shape.length };
  const space = labels.find((label) => typeof label === "object");
  if (typeof space === "object") {
    return {
      ...base,
      height: space.height,
      width: space.width,
      isMap: space.height * space.width > 1,
      skip: space.skip,
    };
  }
  const [high, wide] = [labels.indexOf("height"), labels.indexOf("width")];
  const sizes = rest.map((dim) => (typeof dim === "number" ? dim : 1));
  if (high >= 0 && wide > high && shape.length === 4) {
    const [height, width] = [shape[high], shape[wide]];
    if (typeof height !== "number" || typeof width !== "number") {
      return `a tensor "${tensor}" [${shape.join(", ")}] whose size is not fixed`;
    }
    return { ...base, height, width, isMap: height * width > 1, skip: 0 };
  }
  const positions = sizes.reduce((a, b) => a * b, 1);
  return { ...base, height: 1, width: positions, isMap: false, skip: 0 };
}
