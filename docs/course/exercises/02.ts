/** Exercises of chapter 2. `npm run exercise -- 2` runs their tests. */
import type { Shape, Tensor } from 'lambda-darts'
import { todo } from './todo.js'

/** 2.1: the number of paths from the node x to the result, without walking them one by one. */
export const paths: (output: Tensor, x: Tensor) => number = () => todo('2.1')

/** 2.2: how many operations at most have to wait for one another. Nodes without inputs do not count. */
export const depth: (output: Tensor) => number = () => todo('2.2')

/** 2.3: what a tensor of `shape` receives, of which g has the broadcast shape. */
export const unbroadcast: (g: Tensor, shape: Shape) => Tensor = () => todo('2.3')

/** 2.4: a topological order, without recursion. */
export const orderedOf: (output: Tensor) => Tensor[] = () => todo('2.4')
