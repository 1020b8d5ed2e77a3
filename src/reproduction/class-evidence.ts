/** What single classes lose when units are removed: by the accuracy's sharper companion, and beside the unit's own class. */
import type { RunFolder } from "../runs/run-folder.ts";
import { doubles, integers, rowsWhere, type Table, texts } from "../tables/table.ts";

/** By layer, one number a unit in the order of `units`. */
export interface ClassEvidence {
  /**
   * Classes whose images' mean log-probability really falls (5 % false discoveries). A class that loses images loses
   * log-probability first, so that this finds more classes than counts of lost images do.
   */
  readonly hurtByLogprob: ReadonlyMap<string, Float64Array>;
  /**
   * The overall drop over images of all classes but the one that the unit is most selective for, fraction; `NaN` for a
   * unit without such a class. With few classes a unit's own class weighs much in its overall drop.
   */
  readonly dropElsewhere: ReadonlyMap<string, Float64Array>;
}

/** Reads a run's `drops`, one layer at a time. @throws {UnitscopeError} `run` if a table or column is missing. */
export async function readClassEvidence(run: RunFolder, units: Table): Promise<ClassEvidence> {
  const hurtByLogprob = new Map<string, Float64Array>();
  const dropElsewhere = new Map<string, Float64Array>();
  for (const layer of new Set(texts(units, "layer"))) {
    const columns = ["unit", "class", "images", "lost", "gained", "logprob_drop", "logprob_q_value"];
    const drops = await run.readTable("drops", { layer, columns });
    const own = rowsWhere(units, "layer", layer);
    const classes = own.columns.selectivity_class;
    const selected = classes instanceof Int32Array ? classes : new Int32Array(own.rows).fill(-1);
    hurtByLogprob.set(layer, countHurt(drops, own.rows));
    dropElsewhere.set(layer, leaveOut(drops, selected));
  }
  return { hurtByLogprob, dropElsewhere };
}

function countHurt(drops: Table, unitCount: number): Float64Array {
  const hurt = new Float64Array(unitCount);
  const [unit, drop, qValue] = [
    integers(drops, "unit"),
    doubles(drops, "logprob_drop"),
    doubles(drops, "logprob_q_value"),
  ];
  for (let row = 0; row < drops.rows; row++) {
    if (drop[row] > 0 && qValue[row] <= 0.05) hurt[unit[row]]++;
  }
  return hurt;
}

/** @param selected the class that is left out, by unit; −1 for none. */
function leaveOut(drops: Table, selected: Int32Array): Float64Array {
  const [unit, cls, images] = [integers(drops, "unit"), integers(drops, "class"), integers(drops, "images")];
  const [lost, gained] = [integers(drops, "lost"), integers(drops, "gained")];
  const [net, count] = [new Float64Array(selected.length), new Float64Array(selected.length)];
  for (let row = 0; row < drops.rows; row++) {
    if (cls[row] === selected[unit[row]]) continue;
    net[unit[row]] += lost[row] - gained[row];
    count[unit[row]] += images[row];
  }
  return net.map((each, at) => (selected[at] < 0 || count[at] === 0 ? Number.NaN : each / count[at]));
}
