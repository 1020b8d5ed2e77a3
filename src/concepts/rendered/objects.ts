/** Simple objects as layers of named parts, drawn one over another in the square from -1 to 1. y points down. */
import { box, ellipse, type Figure, polygon, union, without } from "./shapes.ts";

/** One layer of an object. Layers with the same part share a colour in one drawing. */
export interface PartLayer {
  readonly part: string;
  readonly figure: Figure;
  /** Basic colours that it may have; any colour when absent. */
  readonly colors?: readonly string[];
}

const layer = (part: string, figure: Figure, ...colors: string[]): PartLayer => ({
  part,
  figure,
  ...(colors.length > 0 && { colors }),
});

const wheels = (y: number, ...centres: number[]): PartLayer =>
  layer("wheel", union(...centres.map((x) => ellipse(x, y, 0.21))), "black", "grey");

const petals = union(
  ...Array.from({ length: 6 }, (_, i) =>
    ellipse(0.36 * Math.sin((Math.PI * i) / 3), -0.4 - 0.36 * Math.cos((Math.PI * i) / 3), 0.22),
  ),
);

/** The objects that are concepts, with their layers from back to front. */
export const objects: Readonly<Record<string, readonly PartLayer[]>> = {
  house: [
    layer("chimney", box(0.35, -0.8, 0.58, -0.2)),
    layer("wall", box(-0.72, -0.1, 0.72, 0.85)),
    layer("roof", polygon(-0.95, -0.08, 0, -0.9, 0.95, -0.08), "red", "brown", "grey", "orange"),
    layer("door", box(-0.15, 0.3, 0.17, 0.85)),
    layer("window", union(box(-0.58, 0.1, -0.28, 0.42), box(0.3, 0.1, 0.6, 0.42)), "blue", "white", "yellow"),
  ],
  car: [
    layer(
      "body",
      polygon(-0.95, 0.05, -0.6, 0, -0.38, -0.42, 0.35, -0.42, 0.62, 0, 0.95, 0.08, 0.95, 0.45, -0.95, 0.45),
    ),
    layer("window", polygon(-0.48, 0, -0.3, -0.33, 0.28, -0.33, 0.48, 0), "blue", "white", "black"),
    layer("headlight", ellipse(0.85, 0.18, 0.09), "yellow", "white"),
    wheels(0.47, -0.52, 0.52),
  ],
  truck: [
    layer("cargo box", box(-0.95, -0.6, 0.3, 0.42)),
    layer("cab", polygon(0.33, -0.28, 0.7, -0.28, 0.93, 0.05, 0.93, 0.42, 0.33, 0.42)),
    layer("window", polygon(0.45, -0.18, 0.66, -0.18, 0.8, 0.06, 0.45, 0.06), "blue", "white", "black"),
    wheels(0.47, -0.65, -0.2, 0.62),
  ],
  airplane: [
    layer(
      "wing",
      union(polygon(0.2, 0, -0.1, 0, -0.4, -0.75, -0.22, -0.75), polygon(0.2, 0, -0.1, 0, -0.4, 0.75, -0.22, 0.75)),
    ),
    layer("tail", polygon(-0.55, 0, -0.8, -0.42, -0.95, -0.42, -0.88, 0)),
    layer("fuselage", ellipse(0, 0, 0.93, 0.16), "white", "grey", "blue"),
    layer("cockpit", ellipse(0.68, -0.04, 0.13, 0.07), "blue", "black"),
  ],
  boat: [
    layer("mast", box(-0.05, -0.9, 0.05, 0.35), "brown", "black", "grey"),
    layer("sail", union(polygon(0.08, -0.85, 0.08, 0.22, 0.72, 0.22), polygon(-0.08, -0.65, -0.08, 0.22, -0.62, 0.22))),
    layer("hull", polygon(-0.92, 0.32, 0.92, 0.32, 0.62, 0.8, -0.62, 0.8)),
  ],
  tree: [
    layer("trunk", box(-0.13, 0.1, 0.13, 0.95), "brown", "black"),
    layer(
      "crown",
      union(ellipse(0, -0.45, 0.5), ellipse(-0.4, -0.1, 0.38), ellipse(0.4, -0.1, 0.38)),
      "green",
      "yellow",
      "orange",
    ),
  ],
  flower: [
    layer("stem", box(-0.06, -0.3, 0.06, 0.95), "green"),
    layer("leaf", union(ellipse(0.3, 0.5, 0.26, 0.11), ellipse(-0.3, 0.68, 0.26, 0.11)), "green"),
    layer("petal", petals, "red", "pink", "purple", "yellow", "white", "orange", "blue"),
    layer("flower centre", ellipse(0, -0.4, 0.2), "yellow", "orange", "brown"),
  ],
  fish: [
    layer("tail", polygon(-0.35, 0, -0.92, -0.5, -0.8, 0, -0.92, 0.5)),
    layer("fin", polygon(-0.15, -0.3, 0.05, -0.72, 0.4, -0.28)),
    layer("body", ellipse(0.15, 0, 0.72, 0.4)),
    layer("eye", ellipse(0.58, -0.1, 0.1), "black", "white"),
  ],
  bird: [
    layer("leg", union(box(-0.12, 0.4, -0.04, 0.92), box(0.12, 0.4, 0.2, 0.92)), "orange", "black"),
    layer("tail", polygon(-0.4, 0.1, -0.95, -0.12, -0.9, 0.3)),
    layer("body", ellipse(0, 0.15, 0.58, 0.38)),
    layer("head", ellipse(0.48, -0.35, 0.28)),
    layer("beak", polygon(0.7, -0.45, 0.97, -0.3, 0.7, -0.22), "orange", "yellow", "black"),
    layer("wing", ellipse(-0.1, 0.12, 0.36, 0.2)),
    layer("eye", ellipse(0.55, -0.42, 0.08), "black", "white"),
  ],
  cat: [
    layer("ear", union(polygon(-0.68, -0.9, -0.1, -0.42, -0.62, 0), polygon(0.68, -0.9, 0.1, -0.42, 0.62, 0))),
    layer("head", ellipse(0, 0.12, 0.72, 0.68), "black", "brown", "grey", "orange", "white"),
    layer("eye", union(ellipse(-0.3, -0.02, 0.14), ellipse(0.3, -0.02, 0.14)), "green", "yellow", "blue"),
    layer("nose", polygon(-0.13, 0.25, 0.13, 0.25, 0, 0.42), "pink", "black"),
    layer("mouth", box(-0.22, 0.52, 0.22, 0.6), "black", "red"),
  ],
  person: [
    layer(
      "arm",
      union(
        polygon(-0.25, -0.35, -0.62, 0.25, -0.48, 0.32, -0.15, -0.15),
        polygon(0.25, -0.35, 0.62, 0.25, 0.48, 0.32, 0.15, -0.15),
      ),
    ),
    layer("leg", union(box(-0.24, 0.25, -0.04, 0.95), box(0.04, 0.25, 0.24, 0.95)), "blue", "black", "grey", "brown"),
    layer("torso", box(-0.28, -0.42, 0.28, 0.3)),
    layer("head", ellipse(0, -0.66, 0.25, 0.28), "pink", "brown", "orange"),
  ],
  mushroom: [
    layer("stalk", polygon(-0.16, 0, 0.16, 0, 0.24, 0.9, -0.24, 0.9), "white", "yellow", "grey"),
    layer(
      "cap",
      (x, y) => y < 0.12 && (x / 0.85) ** 2 + ((y - 0.12) / 0.9) ** 2 < 1,
      "red",
      "brown",
      "orange",
      "purple",
    ),
    layer(
      "spot",
      union(ellipse(-0.4, -0.2, 0.12), ellipse(0.05, -0.45, 0.14), ellipse(0.42, -0.12, 0.11)),
      "white",
      "yellow",
    ),
  ],
  cup: [
    layer("handle", without(ellipse(0.55, 0, 0.4, 0.36), ellipse(0.55, 0, 0.22, 0.18))),
    layer("cup wall", polygon(-0.7, -0.6, 0.55, -0.6, 0.42, 0.75, -0.57, 0.75)),
    layer("rim", ellipse(-0.075, -0.6, 0.63, 0.13)),
  ],
  clock: [
    layer("frame", without(ellipse(0, 0, 0.95), ellipse(0, 0, 0.76)), "black", "brown", "grey", "red"),
    layer("dial", ellipse(0, 0, 0.76), "white", "yellow"),
    layer("hand", union(box(-0.06, -0.62, 0.06, 0.06), box(-0.06, -0.06, 0.45, 0.06)), "black", "red"),
  ],
};
