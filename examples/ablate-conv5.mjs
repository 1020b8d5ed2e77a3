// Removes every unit of conv5 of the shipped network, one at a time, and prints which class each of the most specific
// units matters to. Run with: node examples/ablate-conv5.mjs [images per class]
import { fileURLToPath } from "node:url";
import { ablate, cifar10, doubles, integers, openModel } from "unitscope";

const limit = process.argv[2] === undefined ? {} : { limit: Number(process.argv[2]) };
const model = await openModel(fileURLToPath(new URL("../models/alexnet-cifar10.onnx", import.meta.url)));
const images = await cifar10("test", limit);
const { accuracy, units } = await ablate(model, images, { layers: ["conv5"] });

console.log(`${model.name}: ${(100 * accuracy).toFixed(2)} % of ${images.imageCount} images right`);
const maxDrop = doubles(units, "max_class_drop");
const overallDrop = doubles(units, "overall_drop");
const worstClass = integers(units, "max_class");
const order = [...maxDrop.keys()].sort((a, b) => maxDrop[b] - maxDrop[a]);
for (const unit of order.slice(0, 5)) {
  const points = (drop) => (100 * drop).toFixed(2);
  const name = images.classNames[worstClass[unit]];
  console.log(`unit ${unit}: ${name} loses ${points(maxDrop[unit])} points, all images ${points(overallDrop[unit])}`);
}
