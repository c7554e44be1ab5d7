/**
 * Asks the demo's own process to add, drain or kill a node. The address and the key stand in the part of the page's
 * address after `#`, which browsers send to nobody: a page that was opened without it can look but not touch.
 */

const REMEMBERED = 'halod-demo-control';

export class Control {
  readonly #url: string;
  readonly #key: string;

  private constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  static fromLocation(): Control | undefined {
    const given = location.hash.slice(1) || sessionStorage.getItem(REMEMBERED) || '';
    const match = /^control=(\d{1,5})\.([\w-]{16,64})$/.exec(given);
    if (!match) return undefined;
    sessionStorage.setItem(REMEMBERED, given);
    return new Control(`http://127.0.0.1:${match[1]}`, match[2]!);
  }

  async post(action: string): Promise<void> {
    const response = await fetch(`${this.#url}/${action}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.#key}` },
    });
    if (!response.ok) throw new Error(await response.text());
  }
}
