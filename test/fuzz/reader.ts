/** What reads some files, and how they are damaged. */
import type { Random } from "../../src/numeric/random.ts";
import type { Files } from "./mutate.ts";

/** A reader under test. */
export interface Reader {
  readonly name: string;
  /** Sound files. */
  build(): Promise<Files>;
  /** The files damaged once; what it leaves out is not written. */
  damage(random: Random, files: Files): Files;
  /**
   * Reads all that is in a folder.
   * @param names the files that were written.
   * @returns a digest of what was read.
   * @throws {UnitscopeError} what says in one line why it cannot be read; anything else is a defect.
   */
  read(folder: string, names: readonly string[]): Promise<string>;
  /** Whether a checksum guards the files: damage that leaves it as it was must be refused, or change nothing that is read. */
  readonly isGuarded?: boolean;
  /** Whether its files may name others anywhere. */
  readonly mayLeave?: boolean;
}

/** A reader gave something that cannot be right. */
export class WrongAnswer extends Error {}

/** @throws {WrongAnswer} unless what was read has a property that all sound files have. */
export function checkThat(holds: boolean, what: string): void {
  if (!holds) throw new WrongAnswer(`expected ${what}`);
}
