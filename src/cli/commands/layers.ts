/** `unitscope layers`: the layers of a model that can be ablated. */
import { Command } from "commander";
import type { Layer } from "../../onnx/layers.ts";
import type { CliContext } from "../context.ts";
import { formatTable } from "../format-table.ts";

/** The command `layers`. */
export function layersCommand(context: CliContext): Command {
  return new Command("layers")
    .description("layers that can be ablated: name, kind, tap, units, size, batch norm folded or not")
    .argument("<model>", "ONNX file")
    .action(async (path: string) => {
      const { openModel } = await import("../../runtime/open-model.ts");
      const model = await openModel(path);
      if (context.json) {
        context.print(JSON.stringify(model.layers));
        return;
      }
      const header = ["layer", "kind", "units", "size", "batch norm", "activation", "tap"];
      for (const line of formatTable([header, ...model.layers.map(describe)], { right: [2, 3] })) context.print(line);
      const units = model.layers.reduce((sum, layer) => sum + layer.units, 0);
      context.note(`${model.layers.length} layers, ${units.toLocaleString("en")} units, ${model.classCount} classes`);
    });
}

function describe(layer: Layer): string[] {
  const size = layer.kind === "linear" ? "-" : `${layer.height}×${layer.width}`;
  const activation = layer.isOutput ? "(logits)" : (layer.activation ?? "-");
  return [layer.name, layer.kind, String(layer.units), size, layer.batchNorm, activation, layer.tap];
}
