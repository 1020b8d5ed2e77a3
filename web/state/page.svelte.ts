/** The page's data and which run and layer the address names. */
import type { LayerData, PageData, RunData } from "../../src/report/page-data.ts";
import { route } from "./route.svelte.ts";

let data: PageData | undefined;

/** Takes the page's data; before anything else. */
export function setPage(page: PageData): void {
  data = page;
}

/** The page's data. */
export function page(): PageData {
  if (!data) throw new Error("page: expected data/page.js, got none");
  return data;
}

/** The run that the address names, or the first. */
export function currentRun(): RunData {
  const { runs } = page();
  return runs.find(({ label }) => label === route.params["run"]) ?? (runs[0] as RunData);
}

/** The layer that the address names, or the run's last. */
export function currentLayer(run: RunData = currentRun()): LayerData {
  return run.layers.find(({ name }) => name === route.params["layer"]) ?? (run.layers.at(-1) as LayerData);
}
