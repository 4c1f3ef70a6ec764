import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Device } from '../../src/kernels/device.js'
import { changed, tooManyChanges, tooManyGroups, tooManyGroupsLeft } from '../../src/kernels/mappings.js'

const device = (vendor: string, software: boolean) => ({ info: { vendor, software } }) as Device
const mesa = device('mesa', true)

describe('bind groups of a software adapter', () => {
  it.runIf(existsSync('/proc/sys/vm/max_map_count'))(
    'are refused where Linux has no maps for them, with the cure',
    () => {
      expect(tooManyGroups(mesa, 2 ** 32)?.message).toMatch(
        /^Wanted memory maps for 4294967296 bind groups, .*, but Linux allows a process \d+, of which \d+ are taken: raise that with `sudo sysctl -w vm\.max_map_count=8589934592`, or make the program smaller\.$/
      )
    }
  )
  it.runIf(existsSync('/proc/sys/vm/max_map_count'))('leave maps for what follows, a sixth more', () => {
    const left =
      Number(readFileSync('/proc/sys/vm/max_map_count', 'utf8')) -
      readFileSync('/proc/self/maps', 'utf8').split('\n').length
    expect(tooManyGroups(mesa, Math.floor(0.83 * left))).toBeUndefined()
    expect(tooManyGroups(mesa, Math.floor(0.88 * left))).toBeDefined()
  })
  it('are made where there are few, and by other adapters', () => {
    expect(tooManyGroups(mesa, 1000)).toBeUndefined()
    expect(tooManyGroups(device('mesa', false), 2 ** 32)).toBeUndefined()
    expect(tooManyGroups(device('google', true), 2 ** 32)).toBeUndefined()
  })
  it.runIf(existsSync('/proc/sys/vm/max_map_count'))('are looked at again after thousands that runs made', () => {
    const one = device('mesa', true)
    expect(tooManyChanges(one, 4096)).toBeUndefined()
    for (let i = 0; i < 4096; i++) changed(one)
    expect(tooManyChanges(one, 2 ** 32)?.message).toMatch(/^Wanted memory maps for 4294967296 bind groups/)
    expect(tooManyChanges(one, 1)).toBeUndefined()
  })
  it.runIf(existsSync('/proc/sys/vm/max_map_count'))('are refused only after garbage was collected', async () => {
    const garbage = new WeakRef({})
    expect(await tooManyGroupsLeft(mesa, 1000)).toBeUndefined()
    expect(garbage.deref()).toBeDefined()
    await new Promise(resolve => setImmediate(resolve))
    expect(await tooManyGroupsLeft(mesa, 2 ** 32)).toBeDefined()
    expect(garbage.deref()).toBeUndefined()
  })
})
