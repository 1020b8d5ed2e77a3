/** The order of test files: those that take long or wait much first, so that none of them is left alone at the end. */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By their processor time and what they wait; the first three run side by side, and those that wait leave room. */
const slowest = [
  "cluster/slurm", // waits most of the time
  "reproduction/reproduce",
  "queue/queue", // waits
  "web/explorer",
  "web/site",
  "cluster/gnu-parallel",
  "runtime/webgpu",
  "package",
  "ablation/sweep",
  "web/many-classes",
  "cli/interrupt",
  "shards/shards",
  "fuzz/fuzz",
  "shards/kills",
  "reproduction/claims",
  "ablation/routes",
  "cli/concepts",
  "commands/study",
  "commands/write-ablation",
  "cluster/containers",
  "commands/one-label",
  "ablation/optimal-constants",
].map((name) => `test/${name}.test.ts`);

/** Puts the slowest first; among the others, what Vitest knows of them decides. */
export default class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const others = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = slowest.indexOf(relative(this.ctx.config.root, moduleId).replaceAll("\\", "/"));
      return at < 0 ? slowest.length : at;
    };
    return others.sort((a, b) => rank(a) - rank(b));
  }
}
