import { $, grad, nn, openGpu, hessian, jvp, vjp, type Tensor } from '../../src/index.js'
const gpu = await openGpu()
const a = await gpu.read(gpu.run(grad(x => $.mul(x, $.tanh(x))), 0.5))
console.log(a.data[0])
const b = await gpu.read(gpu.run(grad(grad(x => $.mul(x, $.tanh(x)))), 0.5))
b.shape
const loss = (w: { a: Tensor; b: Tensor }, x: Tensor, y: Tensor) => nn.crossEntropy(nn.linear(x, w.a, w.b), y)
const step = await gpu.compile(grad(loss), [{ a: [[1, 2]], b: [1] }, [[1, 2]], Int32Array.of(0)])
const r = await step({ a: [[1, 2]], b: [1] }, [[1, 2]], [0])
r.a.shape
const s2 = await gpu.compile(x => $.mul(x, x), [1])
const q = await gpu.run((x, y) => [$.mul(x, y), $.add(x, y)], 1, 2)
const h = hessian(x => $.sum($.mul(x, x)))($.tensor([1, 2]))
const st = await gpu.store({ w: [[1, 2], [3, 4]], b: 0, c: $.tensor(1), d: [new Float32Array(2), 3] })
st.d[0].shape
// @ts-expect-error a string is no tree
await gpu.store('x')
// @ts-expect-error a function is no tree
await gpu.store({ f: () => 1 })
const [y, pull] = vjp((x, z) => $.mul(x, z), $.tensor(1), $.tensor(2))
const j = jvp(x => $.mul(x, x), [$.tensor(1)], [$.tensor(1)])
void s2; void q; void h; void y; void pull; void j
