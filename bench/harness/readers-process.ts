/** Entry of the readers' process: one command at a time from the coordinator, one answer each. */
import type { ReadersCommand } from './commands.js';
import { Readers } from './readers.js';

let readers: Readers | undefined;

async function answer(command: ReadersCommand): Promise<unknown> {
  if (command.do === 'setup') {
    readers = new Readers(command.setup);
    return undefined;
  }
  if (readers === undefined) throw new Error('no setup yet');
  switch (command.do) {
    case 'connect':
      return readers.connect(command.from, command.to, command.atOnce);
    case 'mark':
      return readers.mark();
    case 'sample':
      return readers.sample(command.what);
    case 'latencies':
      return readers.latencies();
    case 'drop':
      return readers.drop(command.readers);
    case 'return':
      return readers.return(command.readers, command.upTo, command.deadlineMs);
    case 'watch':
      return readers.watch();
    case 'watched':
      return readers.watched();
    case 'await':
      return readers.awaitDelivered(command.delivered, command.patienceMs);
    case 'finish':
      return readers.finish();
  }
}

process.on('message', (command: ReadersCommand) => {
  answer(command).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
