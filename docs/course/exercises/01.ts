/** The exercises of chapter 1: `npm run exercise -- 1` runs their tests. Solutions are in docs/course/solutions. */
import type { Value } from '../01-a-value-and-its-derivative.js'
import { todo } from './todo.js'

/** 1.1: x cubed, of operations that there are. */
export const cube: (x: Value) => Value = () => todo('1.1')
