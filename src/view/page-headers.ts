/**
 * Headers of everything that the viewer sends. Opener and embedder policies isolate the page, which gives WebAssembly its
 * threads; the content security policy lets it load nothing but its own files, so that a name in a run stays a name.
 */

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval' blob:", // ONNX Runtime starts its threads from a blob
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'", // figures carry their style sheet in them
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Headers that every answer carries, refusals too. */
export const pageHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy": contentSecurityPolicy,
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-cache",
};
