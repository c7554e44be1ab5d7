/** Entry of the publisher's process: one command at a time from the coordinator, one answer each. */
import type { PublisherCommand } from './commands.js';
import { Publisher } from './publisher.js';

let publisher: Publisher | undefined;

async function answer(command: PublisherCommand): Promise<unknown> {
  if (command.do === 'setup') {
    publisher = await Publisher.open(command.setup);
    return undefined;
  }
  if (publisher === undefined) throw new Error('no setup yet');
  switch (command.do) {
    case 'flood':
    case 'pace':
      return publisher.start(command);
    case 'burst':
      return publisher.burst(command.channels, command.count);
    case 'stop':
      return publisher.stop();
    case 'settle':
      return publisher.settle(command.deadlineMs);
    case 'state':
      return publisher.state();
  }
}

process.on('message', (command: PublisherCommand) => {
  answer(command).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
