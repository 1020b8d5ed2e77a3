/**
 * Where the reader is, kept in the address behind `#`, so that every state has a link and the back button works:
 * `#unit?layer=conv5&unit=21`.
 */

/** The views, in the order of the navigation. */
export const views = ["overview", "matrix", "units", "unit", "class", "image", "compare"] as const;
/** One of them. */
export type View = (typeof views)[number];
/** Everything else that is in the address. */
export type Params = Readonly<Record<string, string>>;

/** The present place; read only outside of this file. */
export const route: { view: View; params: Params } = $state({ view: "overview", params: {} });

/** What stays the same from view to view. */
const lasting = ["run", "layer"];

function read(): void {
  const [name = "", query = ""] = location.hash.slice(1).split("?");
  route.view = views.find((each) => each === name) ?? "overview";
  route.params = Object.fromEntries(new URLSearchParams(query));
}

/** Starts following the address. */
export function followAddress(): void {
  read();
  addEventListener("hashchange", read);
}

/** The address of a view; `layer` and `run` stay unless given. */
export function hrefOf(view: View, params: Readonly<Record<string, string | number | undefined>> = {}): string {
  const kept = Object.fromEntries(
    lasting.flatMap((name) => (route.params[name] === undefined ? [] : [[name, route.params[name]]])),
  );
  return address(view, { ...kept, ...params });
}

/** Goes to a view: a new entry of the history. */
export function go(view: View, params: Readonly<Record<string, string | number | undefined>> = {}): void {
  location.hash = hrefOf(view, params);
}

/** Changes some parameters of the present view; `undefined` and "" take one away. */
export function change(
  params: Readonly<Record<string, string | number | undefined>>,
  { isStep = false }: { isStep?: boolean } = {},
): void {
  const next = address(route.view, { ...route.params, ...params });
  if (next === location.hash) return;
  if (isStep) history.pushState(null, "", next);
  else history.replaceState(null, "", next);
  read(); // at once: the event that the address changed comes later
}

function address(view: View, params: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `#${view}${text === "" ? "" : `?${text}`}`;
}

/** A whole number among the parameters, within `0..below - 1`. */
export function numberParam(name: string, below: number): number | undefined {
  const text = route.params[name];
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value < below ? value : undefined;
}
