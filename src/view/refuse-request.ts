/**
 * Which requests are refused before any file is looked at. Other pages in the same browser can reach 127.0.0.1 too: by
 * its address, by a name that they let point there (DNS rebinding), or by a script or image element. None gets an answer.
 */

/** Why a request is refused. */
export interface Refusal {
  readonly status: 403 | 405 | 421;
  readonly reason: string;
}

/** A request as Node reads it; a header that came twice is there twice. */
export interface AskedFor {
  readonly method?: string | undefined;
  readonly headersDistinct: Readonly<Record<string, string[] | undefined>>;
}

/**
 * The reason to refuse a request, `undefined` to answer it.
 * @param port the port that the server listens on.
 */
export function refuseRequest({ method, headersDistinct: headers }: AskedFor, port: number): Refusal | undefined {
  const [host = "", ...others] = headers["host"] ?? [];
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  if (!hosts.includes(host) || others.length > 0) return { status: 421, reason: `expected host ${hosts[0]}` };
  if (headers["origin"]?.some((origin) => origin !== `http://${host}`)) {
    return { status: 403, reason: `expected origin http://${host}` };
  }
  // A link on another page may lead here; nothing of another page may load a part of this one.
  const site = headers["sec-fetch-site"] ?? [];
  const isLink = headers["sec-fetch-mode"]?.[0] === "navigate" && headers["sec-fetch-dest"]?.[0] === "document";
  if (!isLink && site.some((from) => from !== "same-origin" && from !== "none")) {
    return { status: 403, reason: "expected a request of this page" };
  }
  if (method !== "GET" && method !== "HEAD") return { status: 405, reason: "expected GET or HEAD" };
  return undefined;
}
