/** The slots as a bar: each one a stripe in several rows, coloured by the node that owns it. */

const COLOURS = 8;
const ROWS = 8;

/** Name of the style variable that holds the colour of the node at this place of the node list. */
export function nodeVariable(index: number): string {
  return index < 0 ? '--nobody' : `--node-${index % COLOURS}`;
}

export function drawBar(canvas: HTMLCanvasElement, owners: readonly number[]): void {
  const scale = Math.min(devicePixelRatio, 2);
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (width === 0 || owners.length === 0) return;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d')!;
  const rows = owners.length < ROWS * 16 ? 1 : ROWS;
  const columns = Math.ceil(owners.length / rows);
  const colours = new Map<number, string>();
  for (const [slot, owner] of owners.entries()) {
    const column = Math.floor(slot / rows);
    const left = Math.floor((column * width) / columns);
    const top = Math.floor(((slot % rows) * height) / rows);
    context.fillStyle = colourOf(canvas, owner, colours);
    const right = Math.floor(((column + 1) * width) / columns);
    context.fillRect(left, top, right - left, Math.ceil(height / rows));
  }
}

/** light-dark() in a variable is only resolved where it is used, so a colour is read off an element. */
function colourOf(canvas: HTMLCanvasElement, owner: number, known: Map<number, string>): string {
  const index = owner < 0 ? -1 : owner % COLOURS;
  let colour = known.get(index);
  if (colour === undefined) {
    canvas.style.color = `var(${nodeVariable(index)})`;
    colour = getComputedStyle(canvas).color;
    known.set(index, colour);
  }
  return colour;
}
