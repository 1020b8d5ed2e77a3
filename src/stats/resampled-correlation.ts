/** Correlations of resampled rows in linear time: what a bootstrap calls thousands of times. */
import type { Statistic } from "./bootstrap.ts";
import { sortOrder } from "./ranks.ts";

/**
 * Pearson's correlation of the rows that are drawn.
 * @param x, y float64 `[rowCount]`, finite.
 * @returns a statistic; `NaN` where the drawn rows have no spread.
 */
export function resampledPearson(x: Float64Array, y: Float64Array): Statistic {
  return (indices) => {
    const count = indices.length;
    let meanX = 0;
    let meanY = 0;
    let [spreadX, spreadY] = [false, false];
    const [firstX, firstY] = [x[indices[0]], y[indices[0]]];
    for (let i = 0; i < count; i++) {
      const [valueX, valueY] = [x[indices[i]], y[indices[i]]];
      meanX += valueX;
      meanY += valueY;
      if (valueX !== firstX) spreadX = true;
      if (valueY !== firstY) spreadY = true;
    }
    if (!spreadX || !spreadY) return Number.NaN;
    meanX /= count;
    meanY /= count;
    let xx = 0;
    let xy = 0;
    let yy = 0;
    for (let i = 0; i < count; i++) {
      const dx = x[indices[i]] - meanX;
      const dy = y[indices[i]] - meanY;
      xx += dx * dx;
      xy += dx * dy;
      yy += dy * dy;
    }
    return Math.max(-1, Math.min(1, xy / Math.sqrt(xx) / Math.sqrt(yy)));
  };
}

/**
 * Spearman's correlation of the rows that are drawn; ties, repeated rows among them, share their average rank. Ranks
 * come from counting, not sorting: the order of the rows is known beforehand.
 */
export function resampledSpearman(x: Float64Array, y: Float64Array): Statistic {
  const [placesX, placesY] = [densePlaces(x), densePlaces(y)];
  const [ranksX, ranksY] = [new Float64Array(x.length), new Float64Array(y.length)];
  const room = { drawn: new Uint32Array(x.length), rankOf: new Float64Array(x.length) };
  const pearson = resampledPearson(ranksX, ranksY);
  return (indices) => {
    rankDrawn(placesX, indices, ranksX, room);
    rankDrawn(placesY, indices, ranksY, room);
    return pearson(indices);
  };
}

/** Place of each value among the distinct values, from 0. */
function densePlaces(values: Float64Array): Uint32Array {
  const order = sortOrder(values);
  const places = new Uint32Array(values.length);
  for (let i = 1; i < order.length; i++) {
    places[order[i]] = places[order[i - 1]] + (values[order[i]] === values[order[i - 1]] ? 0 : 1);
  }
  return places;
}

/** Writes the average rank that each drawn row has among the drawn ones into `ranks`, at the row's index. */
function rankDrawn(
  places: Uint32Array,
  indices: Uint32Array,
  ranks: Float64Array,
  { drawn, rankOf }: { drawn: Uint32Array; rankOf: Float64Array },
): void {
  drawn.fill(0);
  for (let i = 0; i < indices.length; i++) drawn[places[indices[i]]]++;
  let below = 0;
  for (let place = 0; place < drawn.length; place++) {
    rankOf[place] = below + (drawn[place] + 1) / 2;
    below += drawn[place];
  }
  for (let i = 0; i < indices.length; i++) ranks[indices[i]] = rankOf[places[indices[i]]];
}
