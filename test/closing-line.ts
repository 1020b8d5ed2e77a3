/** The last line of a test run: how many tests passed, failed and were skipped. A file that cannot be loaded counts as failed. */
import type { Reporter, TestModule } from "vitest/node";

/** Prints `N passed, N failed[, N skipped]` when the process ends, after everything else. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      if (tests.every((test) => test.result().state !== "failed") && module.state() === "failed") failed++;
      for (const test of tests) {
        const { state } = test.result();
        if (state === "passed") passed++;
        else if (state === "failed") failed++;
        else skipped++;
      }
    }
    if (passed + failed === 0) failed = 1; // a run without tests proves nothing
    const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`;
    process.once("exit", () => process.stdout.write(line));
  }
}
