/** JSON out of files that anybody may have written. */

/** Deeper values than this are nothing that is written here, and more than checks that call themselves can go into. */
const MAX_DEPTH = 200;

/** Parses JSON. @throws {SyntaxError} if it is none, or lists and objects lie too deep in each other. */
export function parseJson(text: string): unknown {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (isText) {
      if (char === 0x5c)
        at++; // a backslash and what it escapes
      else if (char === 0x22) isText = false;
    } else if (char === 0x22) isText = true;
    else if (char === 0x5b || char === 0x7b) depth++;
    else if (char === 0x5d || char === 0x7d) depth--;
    if (depth > MAX_DEPTH) throw new SyntaxError(`values within values, more than ${MAX_DEPTH} deep`);
  }
  return JSON.parse(text);
}
