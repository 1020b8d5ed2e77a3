/** The option that says where networks run, the same for every command that has it. */
import { Option } from "commander";

/** `--provider`. */
export function providerOption(): Option {
  return new Option("--provider <provider>", "where ONNX Runtime computes; on a device with one worker")
    .choices(["cpu", "cuda", "webgpu"])
    .default("cpu");
}
