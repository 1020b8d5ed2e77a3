/** The order of test files: those that take long or wait much first, so that none of them is left alone at the end. */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By their processor time and what they wait; the first three run side by side, and those that wait leave room. */
const slowest = [
  "cluster/slurm", // waits most of the time
  "web/explorer",
  "queue/queue", // waits
  "runtime/webgpu",
  "reproduction/reproduce",
  "web/many-classes",
  "package",
  "fuzz/fuzz",
  "web/site",
  "cluster/gnu-parallel",
  "shards/kills",
  "ablation/sweep",
  "ablation/routes",
  "shards/shards",
  "cli/interrupt",
  "cli/concepts",
  "reproduction/claims",
  "commands/study",
  "commands/ablate-labels",
  "cluster/containers",
  "training/train-command",
  "fuzz/hostile-files",
  "cli/full-disk",
  "zoo/tiny",
  "commands/write-ablation",
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
