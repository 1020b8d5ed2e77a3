/** Chromium of this machine, for tests of the page as people use it. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

/** A browser for a group of tests. */
export interface OpenBrowser {
  /** A page whose console errors, failures and requests off this machine are collected in `complaints`. */
  page(options?: {
    width?: number;
    colorScheme?: "light" | "dark";
    javaScriptEnabled?: boolean;
  }): Promise<{ page: Page; complaints: string[] }>;
}

/**
 * A group of tests in a browser: skipped, and said so by name, where there is none; failing in CI, which installs one.
 */
export function describeInBrowser(name: string, tests: (browser: OpenBrowser) => void): void {
  if (!executable && !process.env["CI"]) {
    describe.skip(`${name} (skipped: no Chromium on this machine)`, () =>
      tests({ page: () => Promise.reject(new Error("no browser")) }));
    return;
  }
  describe(name, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      if (!executable) throw new Error("chromium: expected it at /usr/bin/chromium, got none; .ci/run installs it");
      browser = await chromium.launch({
        executablePath: executable,
        args: [
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
          "--no-first-run",
        ],
      });
    });
    afterAll(async () => await browser?.close());
    tests({
      page: async ({ width = 1280, colorScheme = "light", javaScriptEnabled = true } = {}) => {
        if (!browser) throw new Error("no browser");
        const context = await browser.newContext({
          viewport: { width, height: 900 },
          colorScheme,
          javaScriptEnabled,
          acceptDownloads: true,
        });
        const page = await context.newPage();
        page.setDefaultTimeout(120_000); // a busy machine is not a fault
        const complaints: string[] = [];
        page.on("console", (message) => {
          if (message.type() === "error" || message.type() === "warning") complaints.push(`console: ${message.text()}`);
        });
        page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
        page.on("dialog", (dialog) => {
          complaints.push(`dialog: ${dialog.message()}`);
          void dialog.dismiss();
        });
        page.on("requestfailed", (request) => {
          const reason = request.failure()?.errorText ?? "";
          if (reason !== "net::ERR_ABORTED") complaints.push(`failed: ${request.url().slice(-120)} ${reason}`); // the reader went on
        });
        page.on("request", (request) => {
          const { protocol, hostname } = new URL(request.url());
          const isHere = ["file:", "data:", "blob:"].includes(protocol) || hostname === "127.0.0.1";
          if (!isHere) complaints.push(`request off the machine: ${request.url().slice(0, 200)}`);
        });
        return { page, complaints };
      },
    });
  });
}
