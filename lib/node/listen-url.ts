/** The URL of what listens on a host and a port, as others have to write it. */
import { networkInterfaces } from 'node:os';

/** An IPv6 address gets its brackets; one that stands for all becomes one that can be reached. */
export function listenUrl(host: string, port: number): string {
  const bare = host.replace(/^\[|\]$/g, '');
  const reachable = bare === '0.0.0.0' || bare === '::' ? outsideAddress(bare === '::') : bare;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** The first address of this machine that is not loopback. */
function outsideAddress(allowsV6: boolean): string {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = addresses.filter((address) => !address.internal && !address.address.startsWith('fe80'));
  const found = outside.find((address) => address.family === 'IPv4') ?? (allowsV6 ? outside[0] : undefined);
  return found?.address ?? '127.0.0.1';
}
