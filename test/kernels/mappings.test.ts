import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Device } from '../../src/kernels/device.js'
import { tooManyGroups } from '../../src/kernels/mappings.js'

const device = (vendor: string, software: boolean) => ({ info: { vendor, software } }) as Device
const mesa = device('mesa', true)

describe('bind groups of a software adapter', () => {
  it.runIf(existsSync('/proc/sys/vm/max_map_count'))('are refused where Linux has no maps for them, with the cure', () => {
    expect(tooManyGroups(mesa, 2 ** 32)?.message).toMatch(
      /^Wanted memory maps for 4294967296 bind groups, .*, but Linux allows a process \d+, of which \d+ are taken: raise that with `sudo sysctl -w vm\.max_map_count=8589934592`, or make the program smaller\.$/
    )
  })
  it('are made where there are few, and by other adapters', () => {
    expect(tooManyGroups(mesa, 1000)).toBeUndefined()
    expect(tooManyGroups(device('mesa', false), 2 ** 32)).toBeUndefined()
    expect(tooManyGroups(device('google', true), 2 ** 32)).toBeUndefined()
  })
})
