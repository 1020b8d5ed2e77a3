/** The order of test files: those that take long or wait much first, so that none of them is left alone at the end. */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** By their time on idle cores. */
const slowest = [
  "cluster/slurm", // waits most of the time
  "reproduction/reproduce",
  "queue/queue", // waits
  "web/explorer",
  "web/many-classes",
  "ablation/sweep",
  "cli/interrupt",
  "shards/shards",
  "cluster/gnu-parallel",
  "cluster/containers",
  "cli/concepts",
  "runtime/webgpu",
  "package",
  "training/train-command",
  "web/site",
  "shards/kills",
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
