/** What a thread holds that only its end gives back: it does one work and is not used again. */
let isHolding = false;

/** Notes that this thread holds such a thing: a file of weights, a device. */
export function holdUntilEnd(): void {
  isHolding = true;
}

/** Whether it does. */
export function holdsUntilEnd(): boolean {
  return isHolding;
}
