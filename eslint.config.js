// Two things that neither the compiler nor biome can say: how fp-ts is imported, and that the search is purely functional.
import functional from 'eslint-plugin-functional'
import tseslint from 'typescript-eslint'

/** The only places of the search that may have effects: they read arguments and files, print, and run what the others describe. */
const effectful = ['src/nas/cli/**', 'src/nas/main.ts']

export default tseslint.config(
  { ignores: ['dist/**', 'runs/**', 'node_modules/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true } },
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              // The bare forms pass the compiler and vitest, but plain Node refuses to import a folder from a module.
              regex: '^(fp-ts|io-ts)(?!/lib/\\w+\\.js$)',
              message:
                "Import one module by its file, as in 'fp-ts/lib/Either.js': plain Node cannot load the other forms."
            }
          ]
        }
      ]
    }
  },
  {
    files: ['src/nas/**/*.ts'],
    ignores: effectful,
    plugins: { functional },
    rules: {
      'functional/immutable-data': 'error',
      'functional/no-let': 'error',
      'functional/no-loop-statements': 'error',
      'functional/no-classes': 'error',
      'functional/no-this-expressions': 'error',
      'functional/no-throw-statements': 'error',
      'functional/no-try-statements': 'error',
      'functional/no-promise-reject': 'error'
    }
  }
)
