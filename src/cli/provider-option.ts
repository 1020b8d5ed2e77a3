/** The option that says where networks run, the same for every command that has it. */
import { Option } from "commander";
import type { Provider } from "../runtime/session.ts";

/** `--provider`, one of those that the command can use. */
export function providerOption(choices: readonly Provider[] = ["cpu", "cuda", "webgpu"]): Option {
  return new Option("--provider <provider>", "where ONNX Runtime computes; on a device with one worker")
    .choices(choices)
    .default("cpu");
}
