/**
 * What docs/clusters.md gives to engines of containers, without a cluster: the containers' commands are run as the files and
 * the script print them, with the variables that the engine sets, over all indices; the files keep the engine's rules.
 */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { type AblateRunOptions, runAblate } from "../../src/commands/ablate-run.ts";
import { planAblation } from "../../src/shards/plan-run.ts";
import { bin } from "../cli/run-cli.ts";
import { printedHere } from "../cli/run-here.ts";
import { temporaryFolder } from "../data/temporary-folder.ts";
import { tablesOf } from "../shards/disturb.ts";
import { writeStudy } from "../shards/shared-study.ts";
import { programPath } from "./find-program.ts";

const project = new URL("../..", import.meta.url).pathname;
const example = (name: string): string => join(project, "examples/clusters", name);
/** The image's program, which the containers' commands are arguments of. */
const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(project, "Dockerfile"), "utf8"))?.[1];

let folder: string;
let model: string;
let data: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  ({ model, data } = await writeStudy(folder, 520)); // three blocks
});

/** Runs a container's command in a shell, once for every index. */
async function runEverywhere(args: readonly string[], variable: string, indices: number): Promise<void> {
  expect(entrypoint).toBe('["unitscope"]');
  for (let index = 0; index < indices; index++) await printedHere(args, { env: { [variable]: String(index) } });
}

async function expectTablesOfOne(run: string, options: Omit<AblateRunOptions, "out">): Promise<void> {
  const alone = await runAblate(model, data, { ...options, out: `${run}-alone` });
  expect(tablesOf(run)).toEqual(tablesOf(alone.run.path));
  expect(Object.keys(tablesOf(run))).toHaveLength(5);
}

/** The fields of a Job that the files use, as its reference describes them (batch/v1, Kubernetes 1.29 or later). */
const jobSchema = z.strictObject({
  apiVersion: z.literal("batch/v1"),
  kind: z.literal("Job"),
  metadata: z.strictObject({ name: z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/) }),
  spec: z.strictObject({
    completions: z.int().positive().optional(),
    parallelism: z.int().positive().optional(),
    completionMode: z.literal(["NonIndexed", "Indexed"]).optional(),
    backoffLimit: z.int().min(0).optional(),
    backoffLimitPerIndex: z.int().min(0).optional(),
    podFailurePolicy: z
      .strictObject({
        rules: z.array(
          z.strictObject({
            action: z.literal(["FailJob", "FailIndex", "Ignore", "Count"]),
            onExitCodes: z.strictObject({
              containerName: z.string().optional(),
              operator: z.literal(["In", "NotIn"]),
              values: z.array(z.int().positive()), // `In` refuses 0
            }),
          }),
        ),
      })
      .optional(),
    template: z.strictObject({
      spec: z.strictObject({
        restartPolicy: z.literal(["Never", "OnFailure"]),
        securityContext: z.strictObject({ fsGroup: z.int() }),
        containers: z.tuple([
          z.strictObject({
            name: z.string(),
            image: z.string(),
            args: z.array(z.string()),
            resources: z
              .strictObject({
                requests: z.strictObject({ cpu: z.string(), memory: z.string() }),
                limits: z.strictObject({ memory: z.string() }),
              })
              .optional(),
            volumeMounts: z.array(z.strictObject({ name: z.string(), mountPath: z.string().startsWith("/") })),
          }),
        ]),
        volumes: z.array(
          z.strictObject({ name: z.string(), persistentVolumeClaim: z.strictObject({ claimName: z.string() }) }),
        ),
      }),
    }),
  }),
});

/** Reads a file as the cluster would, with the number of shards put in as the page says. */
function readJob(name: string, shards: number) {
  const text = readFileSync(example(name), "utf8").replace(/^( {2}completions: )200\b/m, `$1${shards}`);
  const job = jobSchema.parse(parse(text));
  const { volumes, containers } = job.spec.template.spec;
  const [container] = containers;
  expect(container.volumeMounts.map((mount) => mount.name)).toEqual(volumes.map((volume) => volume.name));
  const [mount] = container.volumeMounts;
  /** The folder that is mounted lies elsewhere here. */
  const args = container.args.map((arg) => arg.replace(new RegExp(`^${mount?.mountPath}(?=/)`), folder));
  return { text, spec: job.spec, container, args };
}

test("Kubernetes: the two Jobs keep the rules of Indexed Jobs, and kubectl knows every field", () => {
  const { spec, container } = readJob("kubernetes-shards.yaml", 3);
  expect(spec).toMatchObject({ completionMode: "Indexed", completions: 3, backoffLimitPerIndex: 5 });
  expect(spec.parallelism).toBeLessThanOrEqual(100_000);
  expect(spec.template.spec.restartPolicy).toBe("Never"); // a failure policy and a limit for every index need it
  for (const { onExitCodes } of spec.podFailurePolicy?.rules ?? []) {
    expect(onExitCodes.containerName).toBe(container.name);
    expect(onExitCodes.values).toEqual([...new Set(onExitCodes.values)].sort((a, b) => a - b));
  }
  const merge = readJob("kubernetes-merge.yaml", 3);
  expect(merge.spec.completions).toBeUndefined();
  if (programPath("kubectl") === undefined) return;
  for (const name of ["kubernetes-shards.yaml", "kubernetes-merge.yaml"]) {
    const asks = ["set", "image", "--local", "--output=json", "--filename", example(name)];
    const kept = JSON.parse(execFileSync("kubectl", [...asks, "unitscope=other:1"], { encoding: "utf8" })) as object;
    const written = parse(readFileSync(example(name), "utf8")) as { spec: typeof spec };
    written.spec.template.spec.containers[0].image = "other:1";
    expect(kept).toMatchObject(written); // what it does not know is dropped
  }
});

test("Kubernetes: the pods of all indices, then the merge, give the tables of one machine", async () => {
  const options = { preprocess: "none", workers: 1 } as const;
  const shards = 3;
  await planAblation(model, data, { ...options, out: join(folder, "run"), shards, cost: false });
  const { spec, args } = readJob("kubernetes-shards.yaml", shards);
  await runEverywhere(args, "JOB_COMPLETION_INDEX", spec.completions ?? 0);
  await printedHere(readJob("kubernetes-merge.yaml", shards).args);
  await expectTablesOfOne(join(folder, "run"), options);
});

/** Writes down what it is asked for, and answers with the number of a job. */
const aws = `#!${process.execPath}
const file = process.env.SUBMITTED;
const fs = require("node:fs");
fs.appendFileSync(file, JSON.stringify(process.argv.slice(2)) + "\\n");
console.log("job-" + (fs.readFileSync(file, "utf8").split("\\n").length - 1));
`;

test("AWS Batch: an array job for either stage and a merge behind them give the tables of one machine", async () => {
  const options = { preprocess: "none", method: "mean", workers: 1 } as const; // the means are a stage of their own
  const run = join(folder, 'a "run"');
  await planAblation(model, data, { ...options, out: run, shards: 2, cost: false });
  const programs = join(folder, "bin");
  mkdirSync(programs);
  writeFileSync(join(programs, "unitscope"), `#!/bin/sh\nexec ${process.execPath} ${bin} "$@"\n`, { mode: 0o755 });
  writeFileSync(join(programs, "aws"), aws, { mode: 0o755 });
  const submitted = join(folder, "submitted");
  const env = { ...process.env, SUBMITTED: submitted, PATH: `${programs}:${process.env["PATH"]}` };
  const { stdout } = await promisify(execFile)(
    example("aws-batch.sh"),
    ['a "run"', "spot", "unitscope:3", "--workers", "1"],
    { env, cwd: folder },
  );
  expect(stdout).toBe("stage 1 of 2: array job job-1\nstage 2 of 2: array job job-2\nmerge: job job-3\n");
  const jobs = readFileSync(submitted, "utf8").trim().split("\n").map(submission);
  expect(jobs.map((job) => job.after)).toEqual([undefined, "job-1", "job-2"]);
  expect(jobs.map((job) => job.size)).toEqual([2, 2, undefined]);
  for (const { command, size } of jobs) {
    if (size === undefined) await printedHere(command);
    else await runEverywhere(command, "AWS_BATCH_JOB_ARRAY_INDEX", size);
  }
  await expectTablesOfOne(run, options);
});

const overrides = z.strictObject({ command: z.array(z.string()) });
const retries = z.strictObject({
  attempts: z.int().min(1).max(10),
  evaluateOnExit: z
    .array(z.strictObject({ onExitCode: z.string().regex(/^\d+\*?$/), action: z.literal("EXIT") }))
    .max(5),
});

/** What one call of `aws` asks for. */
function submission(line: string): { command: string[]; size: number | undefined; after: string | undefined } {
  const [service, operation, ...words] = z.array(z.string()).parse(JSON.parse(line));
  expect([service, operation]).toEqual(["batch", "submit-job"]);
  const options = new Map(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? ""]] : [])));
  expect(options.get("--job-queue")).toBe("spot");
  expect(options.get("--job-definition")).toBe("unitscope:3");
  expect(options.get("--job-name")).toMatch(/^unitscope-(\d+|merge)$/);
  const size = /^size=(\d+)$/.exec(options.get("--array-properties") ?? "")?.[1];
  const retry = options.get("--retry-strategy");
  expect(retry !== undefined).toBe(size !== undefined);
  if (retry !== undefined) retries.parse(JSON.parse(retry));
  return {
    command: overrides.parse(JSON.parse(options.get("--container-overrides") ?? "")).command,
    size: size === undefined ? undefined : Number(size),
    after: /^jobId=(.*)$/.exec(options.get("--depends-on") ?? "")?.[1],
  };
}
