/**
 * The sign of drops in figures. Ours is accuracy before minus after, so that positive means damage; the paper (Zhou et
 * al. 2018) plots after minus before.
 */

/** `damage`: positive means damage. `paper`: negative means damage. */
export type DropSign = "damage" | "paper";

/** What a drop is multiplied by before it is drawn. */
export function dropFactor(sign: DropSign): 1 | -1 {
  return sign === "paper" ? -1 : 1;
}

/** Axis labels that say the unit and the sign, from long to short: `drop (percentage points, positive = damage)`. */
export function dropAxisLabel(what: string, sign: DropSign): string[] {
  const damage = sign === "paper" ? "negative = damage" : "positive = damage";
  const quantity = sign === "paper" ? `minus ${what}` : what;
  return [
    `${quantity} (percentage points, ${damage})`,
    `${quantity} (points, ${damage})`,
    `${quantity} (points)`,
    quantity,
  ];
}

/** The same as a sentence, for subtitles. */
export function signSentence(sign: DropSign): string {
  return sign === "paper"
    ? "Drawn with the paper's sign, accuracy after minus before: negative means damage."
    : "Drops are accuracy before minus after: positive means damage.";
}
