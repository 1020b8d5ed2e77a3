/** The architectures that can be trained, by name. */
import { UnitscopeError } from "../../errors.ts";
import { alexNet } from "./alexnet.ts";
import type { Network } from "./network.ts";
import { resNet18 } from "./resnet.ts";

/** The architectures that can be trained. */
export const architectureNames = ["alexnet", "resnet18"] as const;
/** One of them. */
export type ArchitectureName = (typeof architectureNames)[number];

/** Choices for any architecture; those that an architecture does not have are refused. */
export interface ArchitectureOptions {
  readonly classCount: number;
  /** 32, 64 or 224. */
  readonly imageSize?: number | undefined;
  /** AlexNet: five convolutions; ResNet-18: the first stage. */
  readonly widths?: readonly number[] | undefined;
  /** AlexNet: fc6 and fc7. */
  readonly fullyConnected?: readonly number[] | undefined;
  readonly batchNorm?: boolean | undefined;
  readonly dropout?: number | undefined;
  readonly channelDropout?: Readonly<Record<string, number>> | undefined;
}

/**
 * Defines a network.
 * @throws {UnitscopeError} `usage` for options that the architecture does not have or that do not fit.
 */
export function defineNetwork(
  name: ArchitectureName,
  { classCount, imageSize = 32, widths, fullyConnected, batchNorm, dropout, channelDropout = {} }: ArchitectureOptions,
): Network {
  for (const each of [...(widths ?? []), ...(fullyConnected ?? [])]) {
    if (!Number.isInteger(each) || each < 1) {
      throw new UnitscopeError("usage", `widths: expected whole numbers from 1, got ${each}`);
    }
  }
  for (const [what, each] of [["dropout", dropout ?? 0] as const, ...Object.entries(channelDropout)]) {
    if (!(each >= 0 && each < 1)) {
      throw new UnitscopeError("usage", `dropout (${what}): expected a probability in [0, 1), got ${each}`);
    }
  }
  if (name === "resnet18") {
    const foreign = { fullyConnected, dropout, channelDropout: Object.keys(channelDropout)[0] };
    for (const [option, value] of Object.entries(foreign)) {
      if (value !== undefined) {
        throw new UnitscopeError(
          "usage",
          `resnet18: expected no option ${option}, got ${String(value)}; it is AlexNet's`,
        );
      }
    }
    if (widths !== undefined && widths.length !== 1) {
      throw new UnitscopeError("usage", `widths: expected one for resnet18 (its first stage), got ${widths.length}`);
    }
    return resNet18({ classCount, imageSize, width: widths?.[0] ?? 64 });
  }
  if (fullyConnected !== undefined && fullyConnected.length !== 2) {
    throw new UnitscopeError("usage", `fc widths: expected two (fc6, fc7), got ${fullyConnected.length}`);
  }
  return alexNet({
    classCount,
    imageSize,
    channelDropout,
    ...(widths && { widths }),
    ...(fullyConnected && { fullyConnected: [fullyConnected[0], fullyConnected[1]] as const }),
    ...(batchNorm !== undefined && { batchNorm }),
    ...(dropout !== undefined && { dropout }),
  });
}
