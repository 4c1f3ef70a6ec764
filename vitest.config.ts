import { defineConfig } from 'vitest/config'

/** `vitest --mode all` (npm run test:all) runs what `npm test` leaves out for its time: see test/README.md. */
export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two processes share the cores: with one driver thread each they do not fight for them.
    env: { LP_NUM_THREADS: '1', TEST_ALL: mode === 'all' ? '1' : '' },
    reporters: ['default', './test/reporter.ts']
  }
}))
