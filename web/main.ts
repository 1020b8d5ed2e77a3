/** Starts the explorer once the page's data are there. */
import { mount } from "svelte";
import type { PageData } from "../src/report/page-data.ts";
import App from "./App.svelte";
import "./style.css";
import { setPage } from "./state/page.svelte.ts";
import { followAddress } from "./state/route.svelte.ts";

declare global {
  var unitscopePage: (page: PageData) => void;
}

globalThis.unitscopePage = (page) => {
  setPage(page);
  followAddress();
  const target = document.getElementById("app-nav");
  if (target) mount(App, { target });
};
