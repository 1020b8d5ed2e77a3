/**
 * One-to-one assignment with the largest sum of scores: the Hungarian method (Kuhn 1955) by shortest augmenting paths
 * (Jonker and Volgenant 1987; Crouse 2016).
 */

/**
 * @param scores float64, row-major `[rows, columns]`, finite; not more rows than columns.
 * @returns int32 `[rows]`: the column of every row, each at most once.
 */
export function bestAssignment(scores: Float64Array, rows: number, columns: number): Int32Array {
  // Potentials and columns count from 1; column 0 is where a search starts.
  const [rowPotential, columnPotential] = [new Float64Array(rows + 1), new Float64Array(columns + 1)];
  const owner = new Int32Array(columns + 1);
  const before = new Int32Array(columns + 1);
  for (let row = 1; row <= rows; row++) {
    owner[0] = row;
    const distance = new Float64Array(columns + 1).fill(Infinity);
    const isDone = new Uint8Array(columns + 1);
    let column = 0;
    do {
      isDone[column] = 1;
      const from = owner[column];
      let nearest = Infinity;
      let next = 0;
      for (let to = 1; to <= columns; to++) {
        if (isDone[to]) continue;
        const cost = -scores[(from - 1) * columns + to - 1] - rowPotential[from] - columnPotential[to];
        if (cost < distance[to]) {
          distance[to] = cost;
          before[to] = column;
        }
        if (distance[to] < nearest) {
          nearest = distance[to];
          next = to;
        }
      }
      for (let to = 0; to <= columns; to++) {
        if (isDone[to]) {
          rowPotential[owner[to]] += nearest;
          columnPotential[to] -= nearest;
        } else distance[to] -= nearest;
      }
      column = next;
    } while (owner[column] !== 0);
    for (; column !== 0; column = before[column]) owner[column] = owner[before[column]];
  }
  const assigned = new Int32Array(rows).fill(-1);
  for (let column = 1; column <= columns; column++) if (owner[column] > 0) assigned[owner[column] - 1] = column - 1;
  return assigned;
}
