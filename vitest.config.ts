import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take most of a minute or more, the longest first, so that the others fill up the cores beside them. */
const LONG = [
  'stories/spaces',
  'golden/nets',
  'docs/course',
  'stories/learning',
  'golden/reports',
  'golden/large',
  'stories/search',
  'kernels/variants',
  'golden/steps',
  'nas/cli/worker',
  'nas/sweep/sweep.test',
  'nas/run/resume'
]
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const i = LONG.findIndex(name => moduleId.includes(name))
      return i < 0 ? LONG.length : i
    }
    return [...(await super.sort(files))].sort((a, b) => place(a) - place(b))
  }
}

/** `vitest --mode all` (npm run test:all) runs what `npm test` leaves out for its time: see test/README.md. */
export default defineConfig(({ mode }) => ({
  // The examples import the package by its names, as users do.
  resolve: {
    alias: [
      { find: /^lambda-darts$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) },
      {
        find: /^lambda-darts\/(autodiff|pictures)$/,
        replacement: fileURLToPath(new URL('src/$1/index.ts', import.meta.url))
      }
    ]
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two processes share the cores: with one driver thread each they do not fight for them.
    env: { LP_NUM_THREADS: '1', TEST_ALL: mode === 'all' ? '1' : '' },
    reporters: ['default', './test/reporter.ts']
  }
}))
