/** The folder of fetched data sets. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** What a long piece of work on data tells: its title, how much is done, of how much, counted in what. */
export type DataProgress = (step: { title: string; done: number; total: number | undefined; unit: string }) => void;

/** The user's cache folder: `UNITSCOPE_CACHE`, else `unitscope` in `XDG_CACHE_HOME`, else `~/.cache/unitscope`. */
export function cacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment["UNITSCOPE_CACHE"]) return resolve(environment["UNITSCOPE_CACHE"]);
  return join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "unitscope");
}

/** What to do when the cache cannot be written. */
export const cacheElsewhere = "set UNITSCOPE_CACHE to another folder";
