/** Starts the explorer once the page's data are there. */
import { mount } from "svelte";
import type { PageData, RunData } from "../src/report/page-data.ts";
import App from "./App.svelte";
import "./style.css";
import { networkInput, runImage } from "./live/images.ts";
import { type Flip, openNetwork, type Removed } from "./live/network.ts";
import { page, setPage } from "./state/page.svelte.ts";
import { followAddress } from "./state/route.svelte.ts";

declare global {
  var unitscopePage: (page: PageData) => void;
}

globalThis.unitscopePage = (data) => {
  setPage(data);
  followAddress();
  const target = document.getElementById("app-nav");
  if (target) mount(App, { target });
};

/**
 * For the browser's console: what the page computes, as numbers. `unitscopeExplorer.logits(image, { conv5: [21, 36] })`.
 *
 * @param image number of an image of the run that is in the page.
 * @param removed units to remove, by layer.
 * @param label the run, by its name on the page; the first by default.
 */
export async function logits(image: number, removed: Removed = {}, label?: string): Promise<number[]> {
  const { run, input } = await consoleImage(image, label);
  return [...(await (await openNetwork(run)).answer(input, removed)).logits];
}

/** Every unit of a layer whose removal alone changes what the network says to an image, with all logits `[units, classes]`. */
export async function flips(
  image: number,
  layer: string,
  label?: string,
): Promise<{ flips: Flip[]; logits: number[] }> {
  const { run, input } = await consoleImage(image, label);
  const found = await (await openNetwork(run)).flips(input, layer);
  return { flips: found.flips, logits: [...found.logits] };
}

async function consoleImage(image: number, label?: string): Promise<{ run: RunData; input: Float32Array }> {
  const { runs } = page();
  const run = runs.find((each) => each.label === label) ?? (runs[0] as RunData);
  const pixels = run.live ? await runImage(run.live, image) : undefined;
  if (!run.live || !pixels) throw new Error(`image ${image}: expected one of the images in this page, got another`);
  return { run, input: networkInput(run.live, pixels).input };
}
