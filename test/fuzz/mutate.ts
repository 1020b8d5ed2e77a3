/** Ways to damage bytes, text and JSON, each chosen by a seeded random number generator. */
import type { Random } from "../../src/numeric/random.ts";

/** Files of a case by their path in its folder. */
export type Files = Record<string, Uint8Array>;

/** Paths that lead out of a folder, and names that systems treat in their own way. */
const hostileNames = [
  "../outside.png",
  "../../outside.png",
  "images/../../outside.png",
  "/etc/passwd",
  "/dev/zero",
  "/dev/stdin",
  "file:///etc/passwd",
  "..\\outside.png",
  "a\0b.png",
  "",
  ".",
  "..",
  "__proto__",
  "constructor",
  "a".repeat(5000),
  "名前\u202Egnp.exe",
];

/** Numbers at the limits of what formats and languages hold. */
const limits = [
  0,
  -1,
  1,
  2,
  127,
  128,
  255,
  256,
  32_767,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e18,
  1e308,
  -(2 ** 31),
  0.5,
  -0,
] as const;

/** One of some things. */
export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)];
}

/** A number that formats are not made for, or one that only lies near. */
export function hostileNumber(random: Random): number {
  return random.integer(3) === 0 ? random.integer(1000) : pick(random, limits);
}

/** A text that is used as a name or a path. */
export function hostileText(random: Random): string {
  return pick(random, hostileNames);
}

/** Damages bytes once, anywhere or within a range. */
export function damageBytes(random: Random, bytes: Uint8Array, from: number = 0, end: number = bytes.length): Buffer {
  const own = Buffer.from(bytes);
  const to = Math.min(end, own.length);
  if (to <= from) return Buffer.concat([own, Buffer.from([random.integer(256)])]);
  const at = from + random.integer(to - from);
  const length = 1 + random.integer(Math.min(64, to - at));
  switch (random.integer(9)) {
    case 0:
      own[at] = own[at] ^ (1 << random.integer(8));
      return own;
    case 1:
      own[at] = random.integer(256);
      return own;
    case 2:
      return own.subarray(0, at);
    case 3:
      return Buffer.concat([own.subarray(0, at), own.subarray(at + length)]);
    case 4:
      return Buffer.concat([own.subarray(0, at + length), own.subarray(at)]);
    case 5:
      return Buffer.concat([own, own.subarray(at)]);
    case 6:
      own.fill(pick(random, [0, 255, random.integer(256)]), at, at + length);
      return own;
    case 7: {
      const width = Math.min(to - at, pick(random, [1, 2, 4, 8]));
      let value = BigInt(Math.trunc(Math.max(-1e18, Math.min(1e18, hostileNumber(random)))));
      const isLittle = random.integer(2) === 0;
      for (let byte = 0; byte < width; byte++, value >>= 8n) {
        own[isLittle ? at + byte : at + width - 1 - byte] = Number(value & 255n);
      }
      return own;
    }
    default: {
      const other = random.integer(own.length);
      own.copyWithin(at, other, other + length);
      return own;
    }
  }
}

/** Damages text once: a number, a word, a line, a separator. */
export function damageText(random: Random, text: string): string {
  const lines = text.split("\n");
  const line = random.integer(lines.length);
  switch (random.integer(9)) {
    case 0: {
      const numbers = [...text.matchAll(/\d+/g)];
      if (numbers.length === 0) return `${text}0`;
      const { 0: old, index } = pick(random, numbers);
      return `${text.slice(0, index)}${hostileNumber(random)}${text.slice(index + old.length)}`;
    }
    case 1: {
      const words = [...text.matchAll(/[^\s,;"]+/g)];
      if (words.length === 0) return hostileText(random);
      const { 0: old, index } = pick(random, words);
      return `${text.slice(0, index)}${hostileText(random)}${text.slice(index + old.length)}`;
    }
    case 2:
      return lines.filter((_, at) => at !== line).join("\n");
    case 3:
      return [...lines.slice(0, line + 1), ...lines.slice(line)].join("\n");
    case 4: {
      const fields = lines[line].split(",");
      fields.splice(random.integer(fields.length), random.integer(2), ...(random.integer(2) === 0 ? ["", "x"] : []));
      return lines.with(line, fields.join(",")).join("\n");
    }
    case 5: {
      const at = random.integer(text.length + 1);
      return `${text.slice(0, at)}${pick(random, ['"', ",", "\n", "\r\n", "\0", ";", "\uFEFF", "(", "%", " "])}${text.slice(at)}`;
    }
    case 6:
      return text.slice(0, random.integer(text.length + 1));
    case 7:
      return lines.with(line, lines[line].repeat(1 + random.integer(2000))).join("\n");
    default:
      return damageBytes(random, Buffer.from(text)).toString("latin1");
  }
}

/** Damages a value of plain data once, somewhere inside; the value itself stays. */
export function damageValue(random: Random, value: unknown): unknown {
  const copy = structuredClone(value);
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const visit = (holder: Record<string, unknown>): void => {
    for (const key of Object.keys(holder)) {
      places.push({ holder, key });
      const item = holder[key];
      if (typeof item === "object" && item !== null && !ArrayBuffer.isView(item))
        visit(item as Record<string, unknown>);
    }
  };
  const root = { value: copy };
  visit(root);
  const { holder, key } = pick(random, places);
  const old = holder[key];
  switch (random.integer(6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 1:
      if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(old));
      else holder[`${key}${random.integer(2) === 0 ? "" : "_"}`] = [structuredClone(old), structuredClone(old)];
      break;
    case 2:
      holder[key] = pick(random, [null, true, [], {}, "", 0, "x", [[]], nested(random.integer(2) === 0 ? 60 : 20_000)]);
      break;
    default:
      holder[key] = hostileLike(random, old);
  }
  return root.value;
}

/** A value of the same type that is harder to stomach. */
function hostileLike(random: Random, old: unknown): unknown {
  if (typeof old === "bigint") return BigInt(Math.trunc(Math.max(-9e18, Math.min(9e18, hostileNumber(random)))));
  if (typeof old === "number") return hostileNumber(random);
  if (typeof old === "string") return random.integer(3) === 0 ? damageText(random, old) : hostileText(random);
  if (typeof old === "boolean") return !old;
  if (old instanceof Uint8Array) return new Uint8Array(damageBytes(random, old));
  if (Array.isArray(old)) return random.integer(2) === 0 ? [] : [...(old as unknown[]), ...(old as unknown[])];
  return random.integer(2) === 0 ? {} : [old];
}

/** Lists in lists. */
function nested(depth: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

/** JSON text damaged as a value, and sometimes as text. */
export function damageJson(random: Random, text: string): string {
  if (random.integer(4) === 0) return damageText(random, text);
  let value: unknown = JSON.parse(text);
  try {
    for (let times = 1 + random.integer(2); times > 0; times--) value = damageValue(random, value);
    return JSON.stringify(value) ?? "null";
  } catch {
    // deeper than the stack
    return `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
  }
}

/** Damages one of some files as bytes. */
export function damageAny(random: Random, files: Files, names: readonly string[] = Object.keys(files)): Files {
  const name = pick(random, names);
  return { ...files, [name]: damageBytes(random, files[name]) };
}
