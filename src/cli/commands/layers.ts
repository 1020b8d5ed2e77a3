/** `unitscope layers`: the layers of a model that can be ablated, what each costs, and what was left out. */
import { Command } from "commander";
import type { DescribedLayer, LayerRoute, NetworkDescription } from "../../commands/describe-layers.ts";
import { withCommas } from "../../numeric/with-commas.ts";
import type { Model } from "../../runtime/model.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";
import { imageSize } from "../option-parsers.ts";

/** Reasons that are listed one by one before the rest is summed up; `--json` has all of them. */
const LISTED = 12;

/** What the routes are, in words. */
const routes: Readonly<Record<LayerRoute, string>> = {
  "closed form": "a removed unit's own contribution is taken off the logits: no graph is run",
  contribution: "the next products change by the unit's contribution, only what is behind them is run again",
  recomputed: "what is behind the tap is run again",
  "whole network": "every removal runs the whole network",
};

/** The command `layers`. */
export function layersCommand(context: CliContext): Command {
  return new Command("layers")
    .description("layers that can be ablated: name, kind, units, size, what each costs, and what was left out and why")
    .argument("<model>", "ONNX file")
    .option(
      "--size <pixels>",
      "of the images, where the network takes any: 224, or height and width: 224x320",
      imageSize,
    )
    .option("--output <tensor>", "the model's output that holds the classes, where it has several")
    .action(async (path: string, given: { size?: readonly [number, number]; output?: string }) => {
      const { openModel } = await import("../../runtime/open-model.ts");
      const model = await openModel(path, given);
      const { describeLayers } = await import("../../commands/describe-layers.ts");
      const description = describeLayers(model);
      if (context.json) context.print(JSON.stringify(toJson(model, description)));
      else show(context, model, description);
    });
}

function toJson(
  { name, sha256, input, logits, classCount, batch, notes }: Model,
  description: NetworkDescription,
): object {
  return { model: name, sha256, input, logits, classes: classCount, batch, notes, ...description };
}

function show(
  context: CliContext,
  model: Model,
  { layers, leftOut, parameters, multiplyAdds }: NetworkDescription,
): void {
  const { input, classCount } = model;
  const units = layers.reduce((all, layer) => all + (layer.isOutput ? 0 : layer.units), 0);
  context.print(
    `${model.name}: ${input.channels}×${input.height}×${input.width} input, ${count(classCount, "class", "classes")}, ` +
      `${amount(parameters)} parameters, ${amount(multiplyAdds)} multiply-adds an image`,
  );
  for (const note of model.notes) context.print(note);
  context.print("");
  if (layers.length === 0) {
    context.print(
      `no layer can be ablated: ${leftOut.length > 0 ? "see below" : "there is no convolution, product, addition, concatenation or attention between the image and the logits"}`,
    );
  } else {
    const header = [
      "layer",
      "kind",
      "units",
      "axis",
      "size",
      "parameters",
      "batch norm",
      "activation",
      "cost behind",
      "route",
      "tap",
    ];
    for (const line of formatTable([header, ...layers.map(row)], { right: [2, 3, 4, 5, 8] })) context.print(line);
    context.print("");
    context.print(`${count(layers.length, "layer", "layers")}, ${withCommas(units)} units besides the logits`);
    for (const route of Object.keys(routes) as LayerRoute[]) {
      if (layers.some((layer) => layer.route === route && !layer.isOutput))
        context.print(`${route}: ${routes[route]}${reasons(layers, route)}`);
    }
  }
  if (leftOut.length > 0) {
    context.print("");
    context.print(`left out, ${leftOut.length}:`);
    for (const { tensor, reason } of leftOut.slice(0, LISTED)) context.print(`  ${tensor}: ${reason}`);
    if (leftOut.length > LISTED) context.print(`  and ${leftOut.length - LISTED} more; --json lists them all`);
  }
}

function row(layer: DescribedLayer): string[] {
  return [
    layer.name,
    layer.kind,
    String(layer.units),
    `${layer.axis} of ${layer.rank}`,
    layer.height * layer.width === 1 ? "-" : `${layer.height}×${layer.width}`,
    layer.parameters === null ? "-" : withCommas(layer.parameters),
    layer.batchNorm,
    layer.isOutput ? "(logits)" : (layer.activation ?? "-"),
    `${(100 * layer.costBehind).toFixed(1)} %`,
    layer.isOutput ? "-" : layer.route,
    layer.tap,
  ];
}

/** Why the whole network runs, each reason once. */
function reasons(layers: readonly DescribedLayer[], route: LayerRoute): string {
  const found = new Set(
    layers.flatMap((layer) => (layer.route === route && layer.reason !== null ? [layer.reason] : [])),
  );
  return found.size === 0 ? "" : ` (${[...found].join("; ")})`;
}

function count(value: number, one: string, many: string): string {
  return `${withCommas(value)} ${value === 1 ? one : many}`;
}

/** `4.1 G`, `25.6 M`, `12,345`. */
function amount(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : withCommas(value);
}
