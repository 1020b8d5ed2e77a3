/** Writes a model as ONNX Runtime's own optimisations leave it: node optimise.mjs MODEL LEVEL. */
import { renameSync } from "node:fs";
import * as ort from "onnxruntime-node";

const [path, level] = process.argv.slice(2);
await ort.InferenceSession.create(path, { graphOptimizationLevel: level, optimizedModelFilePath: `${path}.optimised`, logSeverityLevel: 3 });
renameSync(`${path}.optimised`, path);
