/**
 * All operations, as one namespace: `import * as $`. What a file of this folder exports is for users; what only other
 * files need stands outside.
 */
import '../assemble.js'

export * from './argsort.js'
export * from './arrange.js'
export * from './broadcast.js'
export * from './conv.js'
export * from './conv1d.js'
export * from './core.js'
export * from './create.js'
export * from './custom.js'
export * from './einsum.js'
export * from './functions.js'
export * from './indexing.js'
export * from './matmul.js'
export * from './movement.js'
export * from './pointwise.js'
export * from './random.js'
export * from './rearrange.js'
export * from './reduce.js'
export * from './resample.js'
export * from './scan.js'
export * from './sort.js'
export * from './statistics.js'
export * from './window.js'
