/** One hue per node, by its number; one hue per person, by name. Both live in the style sheet as far as they can. */

const NODE_HUES = 8;

/** The `data-node` that gives a node its colour; 0 is nobody. */
export function hueOf(nodeNumber: number): string {
  return nodeNumber === 0 ? '0' : String(((nodeNumber - 1) % NODE_HUES) + 1);
}

/** The colour itself, for the canvas. */
export function nodeColour(nodeNumber: number): string {
  return getComputedStyle(document.documentElement)
    .getPropertyValue(`--node-${hueOf(nodeNumber)}`)
    .trim();
}

/** Degrees on the colour wheel, the same for a name on every page. */
export function personHue(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
  return hash % 360;
}

export function initials(name: string): string {
  const letters = name.replace(/[^\p{L}\p{N}]/gu, '');
  return (letters || name).slice(0, 2);
}
