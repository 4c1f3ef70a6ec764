/** The device of a test file, opened once. Without an adapter the file fails: a test that is skipped tells nothing. */
import { type Device, openDevice } from '../src/kernels/device.js'
import { right } from './kernels/results.js'

/** Shared by all tests of a file, and pinned by `openDevice`. Never destroy it: open another one for that. */
export const device: Device = right(await openDevice()())
