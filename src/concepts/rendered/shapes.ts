/** Plane figures as predicates: whether a place of the square from -1 to 1 lies inside. y points down. */

/** Whether a place lies inside a figure. */
export type Figure = (x: number, y: number) => boolean;

/** A disc or an ellipse with axes along x and y. */
export function ellipse(cx: number, cy: number, rx: number, ry: number = rx): Figure {
  return (x, y) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1;
}

/** A rectangle with sides along x and y. */
export function box(left: number, top: number, right: number, bottom: number): Figure {
  return (x, y) => x > left && x < right && y > top && y < bottom;
}

/** A polygon, by the even-odd rule; x and y in turn. */
export function polygon(...points: number[]): Figure {
  return (x, y) => {
    let inside = false;
    for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
      const yi = points[i + 1];
      const yj = points[j + 1];
      if (yi > y === yj > y) continue;
      if (x < ((points[j] - points[i]) * (y - yi)) / (yj - yi) + points[i]) inside = !inside;
    }
    return inside;
  };
}

/** Inside one figure and not inside another. */
export function without(figure: Figure, hole: Figure): Figure {
  return (x, y) => figure(x, y) && !hole(x, y);
}

/** Inside any of several figures. */
export function union(...figures: Figure[]): Figure {
  return (x, y) => figures.some((figure) => figure(x, y));
}

/** A regular polygon or, with an inner radius, a star; the first point on top. */
function regular(corners: number, inner?: number): Figure {
  const points: number[] = [];
  const count = inner === undefined ? corners : 2 * corners;
  for (let i = 0; i < count; i++) {
    const radius = inner !== undefined && i % 2 === 1 ? inner : 0.95;
    const angle = (2 * Math.PI * i) / count;
    points.push(radius * Math.sin(angle), -radius * Math.cos(angle));
  }
  return polygon(...points);
}

/** The shapes that are concepts. */
export const shapes: Readonly<Record<string, Figure>> = {
  circle: ellipse(0, 0, 0.9),
  ellipse: ellipse(0, 0, 0.95, 0.5),
  square: box(-0.8, -0.8, 0.8, 0.8),
  rectangle: box(-0.95, -0.45, 0.95, 0.45),
  triangle: regular(3),
  pentagon: regular(5),
  hexagon: regular(6),
  star: regular(5, 0.4),
  cross: union(box(-0.3, -0.9, 0.3, 0.9), box(-0.9, -0.3, 0.9, 0.3)),
  ring: without(ellipse(0, 0, 0.9), ellipse(0, 0, 0.5)),
  crescent: without(ellipse(0, 0, 0.9), ellipse(0.45, -0.1, 0.75)),
  semicircle: (x, y) => y < 0.4 && x ** 2 + (y - 0.4) ** 2 < 0.9,
  heart: (x, y) => {
    const [u, v] = [1.25 * x, 0.25 - 1.2 * y];
    return (u ** 2 + v ** 2 - 1) ** 3 < u ** 2 * v ** 3;
  },
  arrow: union(box(-0.9, -0.25, 0.25, 0.25), polygon(0.2, -0.7, 0.95, 0, 0.2, 0.7)),
};
