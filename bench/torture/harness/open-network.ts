/** The best network that this machine allows. */
import { NamespaceNetwork, namespacesWork } from './namespaces.js';
import { LoopbackNetwork, type Network } from './network.js';
import { ProxyNetwork } from './proxy.js';

export type NetworkKind = Network['kind'] | 'auto';

export function openNetwork(kind: NetworkKind = 'auto'): Network {
  if (kind === 'loopback') return new LoopbackNetwork();
  if (kind === 'proxy' || (kind === 'auto' && !namespacesWork())) return new ProxyNetwork();
  return new NamespaceNetwork();
}
