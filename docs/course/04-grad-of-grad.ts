// What docs/course/04-grad-of-grad.md exports. Written by `npm run course -- --pictures`: change it there.

import { $, bind, pointwise, type Primitive, type Tensor } from 'lambda-darts'
import { pullBack } from './03-vjp-rules.js'

const alias: Primitive = {
  name: 'alias',
  shape: inputs => $.neg(0).primitive.shape(inputs, {}),
  ...pointwise(a => a, 'a'),
  vjp: g => [g]
}

/** The derivative of a function with one number as its result. */
export const grad =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor => {
    const own = bind(alias, [x], {})
    const [received] = pullBack(f(own), $.tensor(1), [own])
    if (!received) throw new Error('the result does not depend on the argument')
    return received
  }
