import { existsSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Device } from '../../src/kernels/device.js'
import {
  changed,
  givenBack,
  taken,
  tooManyChanges,
  tooManyGroups,
  tooManyGroupsLeft
} from '../../src/kernels/mappings.js'
import { platform } from '../../src/kernels/platform/node.js'

const maps = vi.spyOn(platform, 'memoryMaps')
afterEach(() => void maps.mockReset())

const queue = { submit: () => undefined, onSubmittedWorkDone: async () => undefined } as Pick<
  GPUQueue,
  'submit' | 'onSubmittedWorkDone'
> as GPUQueue
const device = (vendor: string, software: boolean) =>
  ({ info: { vendor, software }, device: { queue } as GPUDevice }) as Device
const groups = (count: number) => new Map([['uniform,storage', count]])
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
  it('leave maps for what follows, a sixth more, and for those that runs put out of use', () => {
    maps.mockReturnValue({ most: 65_530, has: 2000 })
    const most = Math.floor((65_530 - 2000 - 4096) / (7 / 6))
    expect(tooManyGroups(mesa, most)).toBeUndefined()
    expect(tooManyGroups(mesa, most + 1)?.message).toContain('Linux allows a process 65530, of which 2000 are taken')
  })
  it('are made where there are few, and by other adapters', () => {
    expect(tooManyGroups(mesa, 1000)).toBeUndefined()
    expect(tooManyGroups(device('mesa', false), 2 ** 32)).toBeUndefined()
    expect(tooManyGroups(device('google', true), 2 ** 32)).toBeUndefined()
  })
  it('are looked at again after thousands that runs made, and refused only after garbage was collected', async () => {
    const one = device('mesa', true)
    expect(await tooManyChanges(one, 4096)).toBeUndefined()
    const many = () => {
      for (let i = 0; i < 4096; i++) changed(one)
    }
    // The first look finds no room, the second one, after a collection, does.
    maps.mockReturnValue({ most: 65_530, has: 2000 }).mockReturnValueOnce({ most: 65_530, has: 65_000 })
    many()
    expect(await tooManyChanges(one, 100)).toBeUndefined()
    maps.mockReturnValue({ most: 65_530, has: 65_000 })
    many()
    expect((await tooManyChanges(one, 100))?.message).toMatch(/^Wanted memory maps for 100 bind groups/)
    expect(await tooManyChanges(one, 1)).toBeUndefined()
  })
  it.runIf(existsSync('/proc/sys/vm/max_map_count'))('are refused only after garbage was collected', async () => {
    const garbage = new WeakRef({})
    expect(await tooManyGroupsLeft(mesa, groups(1000))).toBeUndefined()
    expect(garbage.deref()).toBeDefined()
    await new Promise(resolve => setImmediate(resolve))
    expect(await tooManyGroupsLeft(mesa, groups(2 ** 32))).toBeDefined()
    expect(garbage.deref()).toBeUndefined()
  })
  it('take over the maps of a program of the same layouts that was disposed of', async () => {
    const one = device('mesa', true)
    maps.mockReturnValue({ most: 65_530, has: 26_000 })
    expect((await tooManyGroupsLeft(one, groups(32_000)))?.message).toMatch(/^Wanted memory maps for 32000 bind groups/)
    taken(one.device, groups(32_000))
    givenBack(one.device, groups(30_000))
    expect(await tooManyGroupsLeft(one, groups(32_000))).toBeUndefined()
    expect(await tooManyGroupsLeft(one, new Map([['uniform', 32_000]]))).toBeDefined()
    taken(one.device, groups(20_000))
    // 10,000 are left to be taken over; a sixth of all, and those that runs put out of use, stay free.
    const most = Math.floor((65_530 - 26_000 - 4096 + 10_000) / (7 / 6))
    expect(await tooManyGroupsLeft(one, groups(most))).toBeUndefined()
    expect(await tooManyGroupsLeft(one, groups(most + 1))).toBeDefined()
  })
})
