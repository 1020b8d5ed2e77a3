/** The reader of ONNX files, their weights beside them too, as far as a first image through the network. */
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { sha256 } from "../../src/files/hash.ts";
import { ModelProtoSchema, StringStringEntryProtoSchema } from "../../src/onnx/proto/onnx_pb.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { floatValue, openSession } from "../../src/runtime/session.ts";
import { randomNetwork } from "../ablation/random-network.ts";
import { damageBytes, damageValue, type Files, pick } from "./mutate.ts";
import { checkThat, type Reader } from "./reader.ts";

/** A model with its largest weights in a file beside it. */
function withExternalWeights(bytes: Uint8Array): Files {
  const model = fromBinary(ModelProtoSchema, bytes);
  const beside: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of model.graph?.initializer ?? []) {
    if (tensor.rawData.length < 32) continue;
    const told = { location: "weights.bin", offset: `${offset}`, length: `${tensor.rawData.length}` };
    tensor.externalData = Object.entries(told).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    tensor.dataLocation = 1;
    beside.push(tensor.rawData);
    offset += tensor.rawData.length;
    tensor.rawData = new Uint8Array();
  }
  return { "a.onnx": toBinary(ModelProtoSchema, model), "weights.bin": Buffer.concat(beside) };
}

/** Files with the model's messages damaged, in a form that can be written. */
const damage: Reader["damage"] = (random, files) => {
  const [first, ...others] = Object.keys(files);
  if (others.length > 0 && random.integer(6) === 0)
    return { ...files, [others[0]]: damageBytes(random, files[others[0]]) };
  if (random.integer(3) === 0) return { ...files, [first]: damageBytes(random, files[first]) };
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const model = fromBinary(ModelProtoSchema, files[first]);
      const part = pick(random, ["node", "node", "initializer", "input", "output"] as const);
      if (model.graph && random.integer(8) > 0) {
        model.graph[part] = damageValue(random, model.graph[part]) as never;
        return { ...files, [first]: toBinary(ModelProtoSchema, model) };
      }
      return { ...files, [first]: toBinary(ModelProtoSchema, damageValue(random, model) as typeof model) };
    } catch {
      // what cannot be written is no file
    }
  }
  return { ...files, [first]: damageBytes(random, files[first]) };
};

async function read(folder: string): Promise<string> {
  const { graph, layers, classCount, logits, input, batch } = await openModel(join(folder, "a.onnx"));
  checkThat(classCount >= 1 && classCount <= 1_000_000, "a sensible number of classes");
  const { height, width, channels } = input;
  const described = JSON.stringify(layers.map(({ name, units }) => [name, units]));
  if (height === null || width === null || channels * height * width > 1e6) return sha256(described);
  const count = batch ?? 1;
  const dims = input.layout === "nchw" ? [count, channels, height, width] : [count, height, width, channels];
  const session = await openSession({ ...graph, outputs: graph.outputs });
  try {
    const pixels = Float32Array.from({ length: count * channels * height * width }, (_, at) => Math.sin(at));
    const found = await session.run({ [input.name]: floatValue(dims, pixels) });
    return sha256(described, logits, Object.keys(found).join());
  } finally {
    await session.close();
  }
}

/** Small networks of several forms. */
export const modelReaders: readonly Reader[] = [
  {
    name: "onnx",
    build: async () => ({
      "a.onnx": (await randomNetwork({ seed: 5, blocks: ["batch norm"], head: "two products" })).bytes,
    }),
    damage,
    read,
  },
  {
    name: "onnx beside",
    build: async () => {
      const recipe = { seed: 3, blocks: ["batch norm", "max pool", "residual"], head: "average" } as const;
      return withExternalWeights((await randomNetwork(recipe)).bytes);
    },
    damage,
    read,
  },
];
