/** `import { createNode } from 'halod'`: a node inside your own server. */
export type { NodeOptions } from './config/options.js';
export { OptionError } from './config/options.js';
export type { ClusterInfo, DrainProgress, NodeCore, NodeInfo, NodeState } from './core/api.js';
export type { CloseOptions, NodeEvents } from './node/events.js';
export { createNode, type Node } from './node/node.js';
export { ERRORS, type ErrorBody, type ErrorCode, HalodError } from './wire/errors.js';
