/** `unitscope view RUN`: shows a run's report in the browser, served by this process to this machine alone. */
import { Command, Option } from "commander";
import type { CliContext } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { portNumber } from "../option-parsers.ts";

interface Options {
  readonly port: number;
  readonly open: boolean;
}

/** The command `view`; it ends when it is interrupted. */
export function viewCommand(context: CliContext): Command {
  return new Command("view")
    .summary("show a run in the browser")
    .description(
      "Serve a run's report on 127.0.0.1, where WebAssembly may use threads, and open it in the browser; Ctrl-C ends " +
        "it. The report is written first where it is missing or older than the run. A folder with a page is shown as " +
        "it is.",
    )
    .argument("<run>", "run folder, or a folder with index.html")
    .addOption(new Option("--port <port>", "port to listen on; 0: one that is free").argParser(portNumber).default(0))
    .option("--no-open", "leave the browser alone")
    .action(async (path: string, { port, open: isOpened }: Options) => {
      const { viewedFolder } = await import("../../commands/viewed-folder.ts");
      const { serveFolder } = await import("../../view/serve-folder.ts");
      const { folder, isOutdated } = viewedFolder(path);
      if (isOutdated) await writeReport(path, context);
      const served = await serveFolder(folder, { port });
      try {
        context.print(context.json ? JSON.stringify({ url: served.url, folder }) : served.url);
        if (isOpened) await openBrowser(served.url, context);
        context.note("Ctrl-C ends this");
        await interrupted(context.signal);
      } finally {
        await served.close();
      }
    });
}

async function writeReport(path: string, context: CliContext): Promise<void> {
  const { reportRuns } = await import("../../commands/report.ts");
  const fetching = showDataProgress(context);
  const shown = context.progress("report", undefined, "parts");
  try {
    await reportRuns(
      [path],
      {},
      {
        fetching: fetching.progress,
        progress: (done, _, what) => shown.update(done, what),
        lacking: (message) => context.note(message),
        signal: context.signal,
      },
    );
  } finally {
    fetching.finish();
    shown.finish();
  }
}

/** Opens a page in the user's browser; where there is none, the address has been printed. */
async function openBrowser(url: string, context: CliContext): Promise<void> {
  const failed = (): void => context.note("no browser opened here: open the address above in one");
  try {
    const { default: open } = await import("open");
    const opener = await open(url);
    opener.once("exit", (code) => {
      if (code !== 0) failed();
    });
  } catch {
    failed();
  }
}

function interrupted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
