import { expect, test } from "vitest";
import { sha256, sha256InTurns } from "../../src/files/hash.ts";

test("many bytes are hashed as one, and others have their turn meanwhile", async () => {
  const bytes = Uint8Array.from({ length: 100_000_000 }, (_, at) => at % 251);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const digest = await sha256InTurns(bytes);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(0);
  expect(digest).toBe(sha256(bytes));
  expect(await sha256InTurns(new Uint8Array())).toBe(sha256(new Uint8Array()));
});
