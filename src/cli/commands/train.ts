/** `unitscope train`: trains AlexNet or ResNet-18 and writes the network as an ONNX file. */
import { Command, InvalidArgumentError, Option } from "commander";
import type { TrainedModel, TrainModelOptions } from "../../commands/train-model.ts";
import { UnitscopeError } from "../../errors.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import type { Provider } from "../../runtime/session.ts";
import { type ArchitectureName, architectureNames } from "../../training/architectures/architectures.ts";
import { scheduleNames } from "../../training/schedule.ts";
import type { TrainProgress } from "../../training/train.ts";
import { trainDefaults } from "../../training/train-options.ts";
import type { CliContext, Progress } from "../context.ts";
import { showDataProgress } from "../data-progress.ts";
import { wholeNumber } from "../option-parsers.ts";
import { duration } from "../progress-display.ts";
import { providerOption } from "../provider-option.ts";

interface Options {
  test?: string;
  imageSize: number;
  batchNorm?: boolean;
  channelDropout?: Record<string, number>;
  dropout?: number;
  widths?: number[];
  fc?: number[];
  seed: number;
  epochs: number;
  trainOnly?: string[];
  batch: number;
  lr: number;
  schedule: (typeof scheduleNames)[number];
  momentum: number;
  nesterov: boolean;
  weightDecay: number;
  labelSmoothing: number;
  flip: boolean;
  shift?: number;
  cutout: number;
  mixup: number;
  preprocess?: string;
  root?: string;
  limit?: number;
  provider: Provider;
  threads: number;
  resume?: boolean;
  out?: string;
}

/** The command `train`. */
export function trainCommand(context: CliContext): Command {
  const { epochs, batchSize, learningRate, schedule, momentum, weightDecay, seed, threads } = trainDefaults;
  const command = new Command("train")
    .summary("train AlexNet or ResNet-18 and write it as an ONNX file")
    .description(
      "Train a network with stochastic gradient descent, inside ONNX Runtime. Writes the model with its classes, " +
        "preprocessing and layer names, beside it a log and a picture of the loss and accuracy of every epoch, and a checkpoint " +
        "after every epoch until it is done.",
    )
    .argument("<arch>", `architecture: ${architectureNames.join(", ")}`, architecture)
    .argument("<data>", "what to train on: name:split, folder, list file, .parquet or .npz")
    .option("--test <data>", "what to test on after every epoch")
    .addOption(
      new Option("--image-size <pixels>", "side of the input: 32, 64 or 224").argParser(wholeNumber).default(32),
    )
    .option("--batch-norm", "alexnet: batch normalisation on every convolution")
    .option("--channel-dropout <layer=p>", "alexnet: silence whole units of a convolution with probability p", channels)
    .option("--dropout <p>", "alexnet: probability for units of fc6 and fc7 (default: 0.5)", number)
    .option("--widths <counts>", "units: five for alexnet, the first stage's for resnet18", counts)
    .option("--fc <counts>", "alexnet: units of fc6 and fc7", counts)
    .option("--seed <seed>", "of the first weights, the order, the variations and the masks", wholeNumber, seed)
    .option("--epochs <count>", "passes over the images; 0: the network as its seed makes it", wholeNumber, epochs)
    .option("--train-only <layers>", "layers that learn; the others keep their first weights", names)
    .option("--batch <images>", "images per step", wholeNumber, batchSize)
    .option("--lr <rate>", "highest learning rate", number, learningRate)
    .addOption(new Option("--schedule <name>", "of the learning rate").choices(scheduleNames).default(schedule))
    .option("--momentum <factor>", "of gradient descent", number, momentum)
    .option("--no-nesterov", "plain momentum")
    .option("--weight-decay <factor>", "L2 penalty of weights", number, weightDecay)
    .option("--label-smoothing <share>", "share of the target spread over all classes", number, 0)
    .option("--no-flip", "no mirrored images")
    .option("--shift <pixels>", "widest random shift (default: 4 at 32×32, 8 at 64×64, 0 at 224×224)", wholeNumber)
    .option("--cutout <pixels>", "side of a random square that is blanked", wholeNumber, 0)
    .option("--mixup <alpha>", "mix pairs of images, shares from Beta(alpha, alpha)", number, 0)
    .option("--preprocess <preset>", "a preset or a JSON file; else the data set's own")
    .option("--root <folder>", "folder that a list file's paths start from")
    .option("--limit <images>", "the first so many images of every class", wholeNumber)
    .addOption(providerOption())
    .option(
      "--threads <count>",
      "threads inside an operator; the same count gives the same weights",
      wholeNumber,
      threads,
    )
    .option("--resume", "continue from the checkpoint beside the model")
    .option("--out <model>", "the model file (default: ARCH-seedS.onnx)");
  return command.action(async (arch: ArchitectureName, data: string, options: Options) => {
    const { trainModel } = await import("../../commands/train-model.ts");
    const out = options.out ?? `${arch}-seed${options.seed}.onnx`;
    const fetching = showDataProgress(context);
    let shown: Progress | undefined;
    try {
      const result = await trainModel(arch, data, trainOptions(arch, data, options, { out, command }), {
        fetching: fetching.progress,
        signal: context.signal,
        progress: (now) => {
          fetching.finish();
          shown ??= context.progress("training", now.imagesInAll, "images");
          shown.update(now.imagesDone, `epoch ${now.epoch} of ${now.epochs}  loss ${now.loss.toFixed(3)}`);
          if (now.finished) context.note(epochLine(now));
        },
      });
      shown?.finish();
      show(context, result);
    } catch (error) {
      shown?.finish();
      if (error instanceof UnitscopeError && error.code === "interrupted") context.note(error.message);
      throw error;
    } finally {
      fetching.finish();
      shown?.finish();
    }
  });
}

function epochLine({ epochs, leftMs, finished }: TrainProgress): string {
  if (!finished) return "";
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const parts = [
    `epoch ${finished.epoch} of ${epochs}`,
    `loss ${finished.loss.toFixed(4)}`,
    `train ${percent(finished.trainAccuracy)}`,
    ...(finished.testAccuracy === null ? [] : [`test ${percent(finished.testAccuracy)}`]),
    `${Math.round(finished.imagesPerSecond)} images/s`,
    ...(finished.epoch < epochs ? [`${duration(leftMs / 1000)} left`] : []),
  ];
  return parts.join("  ");
}

function show(context: CliContext, { path, logPath, accuracy, log, parameterCount }: TrainedModel): void {
  if (context.json) {
    context.print(JSON.stringify({ model: path, log: logPath, accuracy, parameters: parameterCount, epochs: log }));
    return;
  }
  const tested = accuracy === null ? "" : `: ${(100 * accuracy).toFixed(2)} % of the test images right`;
  context.print(`${path}${tested}, ${withCommas(parameterCount)} parameters`);
  context.print(`log: ${logPath}`);
}

function trainOptions(
  arch: ArchitectureName,
  data: string,
  options: Options,
  { out, command }: { out: string; command: Command },
): TrainModelOptions {
  const { imageSize, widths, fc, batchNorm, dropout, channelDropout } = options;
  const shift = options.shift ?? (imageSize <= 64 ? imageSize / 8 : 0);
  const {
    test,
    preprocess,
    root,
    limit,
    resume,
    seed,
    epochs,
    trainOnly,
    momentum,
    nesterov,
    mixup,
    provider,
    threads,
  } = options;
  return {
    architecture: { imageSize, widths, fullyConnected: fc, batchNorm, dropout, channelDropout },
    test,
    preprocess,
    out,
    resume,
    root,
    limit,
    command: commandLine(arch, data, { ...options, out }, command),
    seed,
    epochs,
    trainOnly,
    batchSize: options.batch,
    learningRate: options.lr,
    schedule: options.schedule,
    momentum,
    nesterov,
    weightDecay: options.weightDecay,
    labelSmoothing: options.labelSmoothing,
    augmentation: { flip: options.flip, shift, cutout: options.cutout },
    mixup,
    provider,
    threads,
  };
}

/** The command line that gives the same network: everything that was given, and the options that the weights depend on. */
function commandLine(arch: string, data: string, options: Options, command: Command): string {
  const always = new Set(["seed", "epochs", "batch", "lr", "threads", "out"]);
  const words = ["unitscope train", arch, data];
  for (const option of command.options) {
    const key = option.attributeName() as keyof Options;
    const value = options[key];
    if (key === "resume" || value === undefined) continue;
    if (command.getOptionValueSource(key) !== "cli" && !always.has(key)) continue;
    if (value === true) words.push(option.long ?? "");
    else if (value === false) words.push(option.long ?? "");
    else if (key === "channelDropout") {
      for (const [layer, p] of Object.entries(value)) words.push(`${option.long} ${layer}=${p}`);
    } else {
      const text = Array.isArray(value) ? value.join(",") : (value as string | number);
      words.push(`${option.long} ${text}`);
    }
  }
  return words.join(" ");
}

function architecture(text: string): ArchitectureName {
  const found = architectureNames.find((name) => name === text);
  if (found) return found;
  throw new UnitscopeError("usage", `architecture: expected ${architectureNames.join(" or ")}, got "${text}"`);
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && Number.isFinite(value))) {
    throw new InvalidArgumentError("expected a number from 0.");
  }
  return value;
}

function counts(text: string): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected whole numbers from 1.");
    return value;
  });
}

function names(text: string): string[] {
  return text.split(",").filter((name) => name !== "");
}

function channels(text: string, before: Record<string, number> = {}): Record<string, number> {
  const [, layer, p] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (layer === undefined || p === undefined) throw new InvalidArgumentError("expected LAYER=P.");
  return { ...before, [layer]: number(p) };
}
