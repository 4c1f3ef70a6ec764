/** Solutions of the exercises of chapter 1. */
import { mul, type Value } from '../01-a-value-and-its-derivative.js'

export const cube = (x: Value): Value => mul(x, mul(x, x))
