/** Names of layers as parts of file names: tensors' own names may hold slashes, colons, and differ in case alone. */

/**
 * A plain name for every layer: letters, digits, dots, dashes and underscores, at most 80, and no two alike on any file
 * system. The first of those that would be alike keeps the name, the others get a number.
 */
export function layerSlugs(layers: readonly string[]): Record<string, string> {
  const slugs: Record<string, string> = {};
  const taken = new Set<string>();
  for (const layer of layers) {
    const plain =
      layer
        .replaceAll(/[^\w.-]+/g, "_")
        .replace(/^\.+/, "_")
        .slice(0, 80) || "layer";
    let slug = plain;
    for (let number = 2; taken.has(slug.toLowerCase()); number++) slug = `${plain}-${number}`;
    taken.add(slug.toLowerCase());
    slugs[layer] = slug;
  }
  return slugs;
}
