/** Numbers for people. The language's own formatting loads its tables first, which takes as long as starting Node does. */

/** A number with a comma between thousands and at most so many digits behind the point, as `toLocaleString("en")` writes it. */
export function withCommas(value: number, fractionDigits = 3): string {
  const [whole = "", fraction] = String(Number(value.toFixed(fractionDigits))).split(".");
  const grouped = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}
