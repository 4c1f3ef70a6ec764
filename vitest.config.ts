import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two processes share the cores: with one driver thread each they do not fight for them.
    env: { LP_NUM_THREADS: '1' },
    reporters: ['default', './test/reporter.ts']
  }
})
