/**
 * The halo: every slot of the table is a small light, coloured by the node that owns it. A slot that changes hands
 * fades into its new colour, and the slot of a channel lights up when a message passes. Drawn on a canvas, because a
 * thousand elements would not move smoothly.
 */
import { nodeColour } from './palette.js';

interface Rgb {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

const INNER = 0.66;
const TURN_MS = 240_000;
const FADE_MS = 900;
const FLASH_MS = 700;

export class Halo {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  /** By slot: number of the node that owns it, and the one before. */
  #owners: number[] = [];
  #before: number[] = [];
  #changedAt: Float64Array = new Float64Array(0);
  #flashedAt: Float64Array = new Float64Array(0);
  #colours = new Map<number, Rgb>();

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d')!;
    const draw = (now: number): void => {
      this.#draw(now);
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  /** `owners[slot]` is the number of a node, 0 for nobody. */
  show(owners: readonly number[]): void {
    const now = performance.now();
    if (owners.length !== this.#owners.length) {
      this.#owners = Array.from(owners, () => 0);
      this.#before = [...this.#owners];
      this.#changedAt = new Float64Array(owners.length);
      this.#flashedAt = new Float64Array(owners.length).fill(-FLASH_MS);
    }
    for (const [slot, owner] of owners.entries()) {
      if (owner === this.#owners[slot]) continue;
      this.#before[slot] = this.#owners[slot]!;
      this.#owners[slot] = owner;
      // The change runs round the ring instead of happening everywhere at once.
      this.#changedAt[slot] = now + (this.#still ? -FADE_MS : 700 * (slot / owners.length));
    }
  }

  flash(slot: number): void {
    if (slot < this.#flashedAt.length) this.#flashedAt[slot] = performance.now();
  }

  /** After a change of theme. */
  forgetColours(): void {
    this.#colours = new Map();
  }

  #draw(now: number): void {
    const size = Math.round(this.#canvas.clientWidth * Math.min(devicePixelRatio, 2));
    if (size === 0) return;
    if (this.#canvas.width !== size) {
      this.#canvas.width = size;
      this.#canvas.height = size;
    }
    const context = this.#context;
    context.clearRect(0, 0, size, size);
    const slots = this.#owners.length;
    if (slots === 0) return;
    const outer = size * 0.485;
    const width = outer * (1 - INNER);
    const middle = outer * ((1 + INNER) / 2);
    const rows = Math.max(1, Math.round(Math.sqrt((slots * width) / (2 * Math.PI * middle))));
    const columns = Math.ceil(slots / rows);
    const step = width / rows;
    const turn = this.#still ? 0 : (now / TURN_MS) * 2 * Math.PI;
    context.translate(size / 2, size / 2);
    for (let slot = 0; slot < slots; slot++) {
      const column = Math.floor(slot / rows);
      const row = slot % rows;
      const radius = outer * INNER + (row + 0.5) * step;
      // Every other row stands half a step aside, which reads as texture rather than as spokes.
      const angle = ((column + (row % 2) / 2) / columns) * 2 * Math.PI + turn;
      const fade = clamp((now - this.#changedAt[slot]!) / FADE_MS);
      const flash = 1 - clamp((now - this.#flashedAt[slot]!) / FLASH_MS);
      const bump = Math.sin(fade * Math.PI) * 0.7 + flash * 1.6;
      const dot = step * (0.27 + 0.08 * (row / rows)) * (1 + bump);
      context.globalAlpha = this.#owners[slot] === 0 ? 0.5 : 0.82 + 0.18 * Math.min(1, bump);
      context.fillStyle = this.#mix(this.#before[slot]!, this.#owners[slot]!, fade, flash);
      context.beginPath();
      context.arc(Math.cos(angle) * radius, Math.sin(angle) * radius, dot, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  #mix(from: number, to: number, fade: number, flash: number): string {
    const a = this.#rgb(from);
    const b = this.#rgb(to);
    const part = (x: number, y: number): number => {
      const mixed = x + (y - x) * fade;
      return Math.round(mixed + (255 - mixed) * flash * 0.6);
    };
    return `rgb(${part(a.r, b.r)} ${part(a.g, b.g)} ${part(a.b, b.b)})`;
  }

  #rgb(node: number): Rgb {
    let rgb = this.#colours.get(node);
    if (!rgb) {
      const hex = Number.parseInt(nodeColour(node).slice(1), 16);
      rgb = { r: hex >> 16, g: (hex >> 8) & 255, b: hex & 255 };
      this.#colours.set(node, rgb);
    }
    return rgb;
  }
}

function clamp(x: number): number {
  return Math.min(1, Math.max(0, x));
}
