/** The device of a test file, opened once. Without an adapter the file fails: a test that is skipped tells nothing. */
import { type AdapterInfo, type Device, openDevice } from '../src/kernels/device.js'
import { right } from './kernels/results.js'

/** Shared by all tests of a file, and pinned by `openDevice`. Never destroy it: open another one for that. */
export const device: Device = right(await openDevice()())

/** The facts of a GPU whose subgroups vary: they choose kernels that every adapter can run. */
export const GPU: Pick<AdapterInfo, 'subgroupSize' | 'software'> = { subgroupSize: 0, software: false }

/** The same device, but kernels are chosen as for a GPU. */
export const asGpu: Device = { ...device, info: { ...device.info, ...GPU } }
