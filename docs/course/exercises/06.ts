/** The exercises of chapter 6: `npm run exercise -- 6` runs their tests. Solutions are in docs/course/solutions. */
import { todo } from './todo.js'

/** 6.1: numbers that a product of n x n matrices loads, where each invocation has a tile of so many rows and columns. */
export const loads: (n: number, rows: number, columns: number) => number = () => todo('6.1')

/** 6.1: rows and columns of the tile of 64 results that loads least. */
export const bestTile: () => readonly [number, number] = () => todo('6.1')

/** 6.2: the elements of n that invocation `id` of `size` launched ones computes, by a grid stride. */
export const taken: (id: number, size: number, n: number) => readonly number[] = () => todo('6.2')

/** 6.3: the sum of numbers in float32: each addition rounded by Math.fround, and the error does not grow with them. */
export const sum: (xs: readonly number[]) => number = () => todo('6.3')

/** 6.4: whether the 32 bits of a float32, as an unsigned integer, are a NaN. */
export const isNaNBits: (bits: number) => boolean = () => todo('6.4')
