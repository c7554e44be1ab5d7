/** `halod locate`: where a channel lives, by the table of the node that is asked. */
import { EXIT } from './failure.js';
import type { CommonOptions } from './main.js';
import { colour, printJson, printLine, visible } from './output.js';
import { checkChannel } from './publish.js';
import { call } from './request.js';

interface LocateAnswer {
  readonly channel: string;
  readonly slot: number;
  readonly iteration: string;
  readonly owner: { readonly id: string; readonly url: string };
  readonly copies: readonly { readonly id: string; readonly url: string }[];
}

export async function runLocate(channel: string, options: CommonOptions): Promise<number> {
  checkChannel(channel);
  const answer = await call<LocateAnswer>(options, `/v1/locate/${encodeURIComponent(channel)}`);
  if (options.json) {
    printJson(answer);
    return EXIT.done;
  }
  printLine(`${colour('bold', visible(answer.channel))}  slot ${answer.slot}, iteration ${answer.iteration}`);
  printLine(`  owner  ${colour('green', visible(answer.owner.url))}  ${visible(answer.owner.id)}`);
  for (const copy of answer.copies) {
    if (copy.id !== answer.owner.id) printLine(`  copy   ${visible(copy.url)}  ${visible(copy.id)}`);
  }
  return EXIT.done;
}
