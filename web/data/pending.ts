/** What the page is still waiting for: its content is marked busy meanwhile, for readers of the screen and for tests. */
let count = 0;

/** Marks the content as busy until the work ends, well or badly, and what waited for it has been told. */
export function pending<T>(work: Promise<T>): Promise<T> {
  mark(1);
  const end = (): void => void setTimeout(() => mark(-1));
  work.then(end, end);
  return work;
}

function mark(by: 1 | -1): void {
  count += by;
  document.getElementById("app-view")?.setAttribute("aria-busy", String(count > 0));
}
