import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const PACKAGE = [
  { find: /^lambda-darts$/, replacement: path('../../src/index.ts') },
  { find: /^lambda-darts\/(autodiff|pictures|vitest)$/, replacement: `${path('../../src')}/$1/index.ts` }
]
const test = { root: path('.'), include: ['exercises/*.test.ts'], testTimeout: 60_000 }

/**
 * The exercises of the course, and their tests with the solutions in the exercises' place: `npm run exercise` runs
 * `--project exercises`, the tests of the project both.
 */
export default defineConfig({
  // What it keeps for itself is no part of the package's pages.
  cacheDir: path('../../node_modules/.vite'),
  test: {
    root: path('.'),
    maxWorkers: 2,
    projects: [
      { resolve: { alias: PACKAGE }, test: { ...test, name: 'exercises' } },
      {
        resolve: { alias: [...PACKAGE, { find: /^\.\/(\d\d)\.js$/, replacement: `${path('solutions')}/$1.ts` }] },
        test: { ...test, name: 'solutions' }
      }
    ]
  }
})
