/**
 * The layers: nas -> engine -> { autodiff, kernels, formats }, nas -> { autodiff, formats, pictures }, pictures ->
 * autodiff, nothing else. Each rule says what a layer may reach and refuses the rest of src, so that a new folder
 * reaches nothing, and is reached by nothing below, until a rule names it.
 */

/** The rooms of src/nas, each with the rooms that it may reach; arrows point to rooms that stand above it in this table. */
const ROOMS = {
  space: [],
  data: ['space'],
  genotypes: ['space'],
  method: ['space'],
  configuration: ['space', 'data', 'method'],
  steps: ['space', 'data', 'method', 'configuration'],
  selection: ['space', 'genotypes', 'method', 'configuration', 'steps'],
  diagnosis: ['space', 'method', 'configuration', 'steps'],
  run: ['space', 'genotypes', 'method', 'configuration', 'steps', 'selection', 'diagnosis'],
  verdict: ['space', 'genotypes', 'configuration', 'selection', 'run'],
  graphs: ['space', 'genotypes'],
  sweep: ['space', 'genotypes', 'configuration'],
  training: ['space', 'data', 'genotypes', 'method', 'configuration', 'steps', 'selection', 'run'],
  report: ['space', 'genotypes', 'configuration', 'selection', 'run']
}

/** What every room may reach: the error of what a user gives, how numbers are written, statistics of results. */
const SHARED = '(errors|text|statistics)[.]ts$'

/** A rule for each room. */
const rooms = Object.entries(ROOMS).map(([room, below]) => ({
  name: `the-room-${room}`,
  comment: `src/nas/${room} stands on ${below.length > 0 ? below.join(', ') : 'no other room'}: see src/nas/README.md.`,
  severity: 'error',
  from: { path: `^src/nas/${room}/` },
  to: { path: '^src/nas/', pathNot: `^src/nas/(${[...below, room].map(name => `${name}/`).join('|')}|${SHARED})` }
}))

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two modules that need each other are one module, even if they need only types.',
      severity: 'error',
      from: {},
      to: { circular: true }
    },
    {
      name: 'autodiff-stands-alone',
      comment:
        'Derivatives are functions on values. What a kernel is, autodiff knows as types of src/kernels/spec only.',
      severity: 'error',
      from: { path: '^src/autodiff/' },
      to: { path: '^src/', pathNot: '^src/(autodiff/|kernels/spec[.]ts$)' }
    },
    {
      name: 'autodiff-takes-only-types-from-the-kernels',
      comment: 'A value imported from src/kernels would make autodiff run on a device: write `import type`.',
      severity: 'error',
      from: { path: '^src/autodiff/' },
      to: { path: '^src/kernels/', dependencyTypesNot: ['type-only'] }
    },
    {
      name: 'only-kernels-and-engine-know-webgpu',
      comment: 'A device is reached through src/kernels, and src/engine says which one.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(kernels/|engine/)' },
      to: { path: '(^|/)node_modules/(webgpu|@webgpu)/|^webgpu$' }
    },
    {
      name: 'kernels-stand-alone',
      comment: 'Kernels run what they are given; what it means is known above them.',
      severity: 'error',
      from: { path: '^src/kernels/' },
      to: { path: '^src/', pathNot: '^src/kernels/' }
    },
    {
      name: 'formats-stand-alone',
      comment: 'Bytes and values: what they are of is known above.',
      severity: 'error',
      from: { path: '^src/formats/' },
      to: { path: '^src/', pathNot: '^src/formats/' }
    },
    {
      name: 'the-engine-is-below-the-search',
      comment: 'The engine joins autodiff and kernels, has weights in files, and knows no network.',
      severity: 'error',
      from: { path: '^src/engine/' },
      to: { path: '^src/', pathNot: '^src/(autodiff|kernels|formats|engine)/' }
    },
    {
      name: 'pictures-stand-on-autodiff',
      comment: 'Graphs and charts are texts: what is drawn is computed elsewhere, and the device is not known.',
      severity: 'error',
      from: { path: '^src/pictures/' },
      to: { path: '^src/', pathNot: '^src/(pictures|autodiff)/' }
    },
    {
      name: 'only-pictures-know-what-draws',
      comment: 'Vega and Graphviz are fetched when something is drawn, by src/pictures.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/pictures/' },
      to: { path: '(^|/)node_modules/(vega|vega-lite|@hpcc-js)/', dependencyTypesNot: ['type-only'] }
    },
    {
      name: 'the-matchers-stand-on-engine-and-autodiff',
      comment: 'What vitest is taught is checked below; nothing else in src needs vitest.',
      severity: 'error',
      from: { path: '^src/vitest/' },
      to: { path: '^src/', pathNot: '^src/(vitest|autodiff|engine)/' }
    },
    {
      name: 'only-the-matchers-know-vitest',
      comment: 'What is published must work without it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/vitest/' },
      to: { path: '(^|/)node_modules/vitest/|^src/vitest/' }
    },
    {
      name: 'the-search-stands-on-engine-autodiff-formats-and-pictures',
      comment: 'The search describes what is to be computed and drawn; src/engine and src/pictures do it.',
      severity: 'error',
      from: { path: '^src/nas/' },
      to: { path: '^src/', pathNot: '^src/(nas|autodiff|formats|engine|pictures)/' }
    },
    ...rooms,
    {
      name: 'a-room-is-in-the-table',
      comment: 'What is in no room reaches no room, and a new room reaches nothing until it is in ROOMS.',
      severity: 'error',
      from: { path: '^src/nas/', pathNot: `^src/nas/((${[...Object.keys(ROOMS), 'cli'].join('|')})/|main[.]ts$)` },
      to: { path: '^src/nas/' }
    },
    {
      name: 'the-search-has-no-effects',
      comment: 'What reads arguments and files, prints and runs is src/nas/cli; what it runs knows nothing of it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/nas/(cli/|main[.]ts$)' },
      to: { path: '^src/nas/(cli/|main[.]ts$)' }
    },
    {
      name: 'index-is-the-outside',
      comment: 'src/index.ts gathers what users import; nothing inside imports it.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/index[.]ts$' }
    },
    {
      name: 'src-needs-no-test',
      comment: 'What is published must work without tests and benchmarks.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' }
    },
    {
      name: 'src-needs-no-development-package',
      comment: 'A package that src imports at run time belongs to `dependencies`.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        // What workers on several hosts need, and vitest for its matchers, are installs of their own.
        pathNot: 'node_modules/(bullmq|ioredis|vitest)/',
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only']
      }
    },
    {
      name: 'everything-resolves',
      comment: 'An import that leads nowhere escapes all other rules.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // A package of its own, installed apart: its modules are not ours.
    exclude: { path: '^bench/peers/' },
    // Type-only imports count too: the compiler removes them, but a reader has to follow them.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.cjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types']
    }
  }
}
