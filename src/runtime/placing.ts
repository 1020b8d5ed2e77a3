/** What runs are fed with again and again, kept on the device that they run on. */
import type { Placed, Provider, Value } from "./runtime.ts";
import { place } from "./session.ts";

type Values = Readonly<Record<string, Value>>;

/** Keeps the values of one owner at a time on a device. */
export interface Placing {
  /** The values of an owner, on the device from the second time on in which they are asked for one after the other. */
  of(owner: object, values: Values): Promise<Values>;
  /** The owner's values have changed, or are needed no more. */
  forget(): void;
}

/** Begins with nothing on the device; where values cannot be kept there, they are handed on as they are. */
export function openPlacing(provider: Provider): Placing {
  let last: object | undefined;
  let placed: Promise<Placed | undefined> | undefined;
  const forget = (): void => {
    const freed = placed;
    [last, placed] = [undefined, undefined];
    void freed?.then(
      (each) => each?.free(),
      () => undefined,
    );
  };
  return {
    of: async (owner, values) => {
      if (provider === "cpu") return values;
      if (owner !== last) {
        forget();
        last = owner;
        return values;
      }
      placed ??= place(values, provider);
      return { ...values, ...(await placed)?.values };
    },
    forget,
  };
}
