/** What every kept-open connection has in common: its session in the core, its write queue, its death. */
import type { SessionHandle } from '../../core/api.js';
import type { Driver } from '../driver.js';
import { Outbox } from './outbox.js';
import type { Pinged } from './pinger.js';

export abstract class Connection extends Outbox implements Pinged {
  alive = true;
  bucket = 0;
  protected readonly driver: Driver;
  protected session: SessionHandle | null = null;

  constructor(driver: Driver) {
    super(driver.writes);
    this.driver = driver;
    driver.pinger.add(this);
    driver.stats.accepted++;
  }

  abstract ping(): void;
  abstract silent(): void;
  abstract shutDown(): void;
  abstract abandon(): void;

  /** Tells the core, once, that the connection is gone. Never called from inside a step of the core. */
  protected endSession(): void {
    this.driver.pinger.delete(this);
    const { session } = this;
    if (session === null) return;
    this.session = null;
    session.onClosed(this.driver.now());
    this.driver.touch();
  }
}
