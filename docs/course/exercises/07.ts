/** The exercises of chapter 7: `npm run exercise -- 7` runs their tests. Solutions are in docs/course/solutions. */
import { todo } from './todo.js'

/** 7.1: how many times a float32 tensor of so many elements fits into so many bytes of traffic. */
export const passes: (elements: number, traffic: number) => number = () => todo('7.1')

/** 7.1: how many passes over a large matrix the softmax of its rows takes at least, reads and writes together. */
export const softmaxPasses: () => number = () => todo('7.1')

/** From the call that writes a slot to the last that reads it, both included. */
export interface Life {
  readonly bytes: number
  readonly first: number
  readonly last: number
}

/** 7.2: the largest number of bytes that are alive at one time. */
export const floor: (lives: readonly Life[]) => number = () => todo('7.2')

/** 7.3: the number of the buffer of each life, from 0 on; those that meet have different ones. As few as possible. */
export const buffers: (lives: readonly Life[]) => readonly number[] = () => todo('7.3')
