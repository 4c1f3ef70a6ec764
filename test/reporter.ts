/** The closing line of a test run, alone on its line: `N passed, N failed, N skipped`. */
import type { Reporter, TestModule } from 'vitest/node'

export default class Counts implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const states = modules.flatMap(module => [...module.children.allTests()].map(test => test.result().state))
    const count = (state: string) => states.filter(found => found === state).length
    // A file that did not load and an error outside any test are failures too.
    const broken = modules.filter(
      module => module.state() === 'failed' && ![...module.children.allTests('failed')].length
    ).length
    process.stdout.write(
      `\n${count('passed')} passed, ${count('failed') + broken + errors.length} failed, ${count('skipped')} skipped\n`
    )
  }
}
