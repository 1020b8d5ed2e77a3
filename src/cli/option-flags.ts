/** How the command line calls the options that the library's messages name. */

/** Options that are called otherwise on the command line. */
const flagNames: Readonly<Record<string, string>> = { topImages: "top" };

/** The library's messages name options as callers do (`option "rankSplit"`); here they are flags (`--rank-split`). */
export function flagsFor(message: string): string {
  return message.replaceAll(/\boption "([a-z][A-Za-z]*)"/g, (_, name: string) => {
    const flag = flagNames[name] ?? name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `--${flag}`;
  });
}
