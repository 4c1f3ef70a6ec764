// What the folds share: what is folded, the uniform, and where the operands are of each result and of each turn that
// folds into it. A turn is an element, or four along the innermost folded axis; then every operand is dense or repeats
// one value there, and what has an extent or stride has it in vec4s.
//! include "common.wgsl"

//! op
alias Value = f32;
const OPERANDS = 2u;  // the result, and the inputs
const NUMBERS = 1u;   // vec4s of numbers that come with the parameters
@group(0) @binding(2) var<storage, read> in0: array<f32>;
struct Fixed { none: u32 }  // what is the same in the whole fold, loaded before it
fn fixed(at: array<u32, OPERANDS>) -> Fixed { return Fixed(0u); }
alias Result = Value;       // of a turn
fn value(at: array<u32, OPERANDS>, before: Fixed) -> Result { return in0[at[1]]; }
alias Element = f32;
fn part(a: Value, j: u32) -> Element { return a; }
fn identity() -> Value { return Value(0); }
fn combine(a: Value, b: Value) -> Value { return a + b; }
fn finish(a: Value, at: array<u32, OPERANDS>) -> Value { return a; }
//! end

// Axes, constants: loops over them are unrolled, and every address in the uniform is known.
override KEPT = 1u;
override REDUCED = 2u;
const REDUCED_MOST = 4u;
override RESULTS = 1u;  // folds side by side: a Value has a component for each

struct Operand {
  kept: vec4u,     // strides, innermost first; of the results where each fold's begin
  reduced: vec4u,
  offset: vec4u,
}
struct Params {
  size: vec4u,     // results, turns of the loop that folds into each, lanes that share a result (a power of two)
  kept: vec4u,     // extents, innermost first
  reduced: vec4u,
  operands: array<Operand, OPERANDS>,
  numbers: array<vec4f, NUMBERS>,
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> result: array<Element>;

// Where the operands of result o start.
fn start(o: u32) -> array<u32, OPERANDS> {
  var at: array<u32, OPERANDS>;
  for (var k = 1u; k < OPERANDS; k++) { at[k] = P.operands[k].offset.x; }
  var rest = o;
  for (var axis = 0u; axis < KEPT; axis++) {
    var index = rest;
    if (axis + 1u < KEPT) {
      let above = quotient(rest, P.kept[axis]);
      index = rest - above * P.kept[axis];
      rest = above;
    }
    for (var k = 1u; k < OPERANDS; k++) { at[k] += index * P.operands[k].kept[axis]; }
  }
  return at;
}

// Lane `lane` of `lanes` takes every lanes-th turn. From one to the next every axis moves on by its digit of `lanes`,
// with a carry where it ends: no turn has a division. Blocks of turns are folded by themselves: no sum is one long
// chain, so it keeps its digits.
const BLOCK = 32u;
fn folded(first: array<u32, OPERANDS>, lane: u32, lanes: u32) -> Value {
  let before = fixed(first);
  var at = first;
  var index: array<u32, REDUCED_MOST>;
  var digit: array<u32, REDUCED_MOST>;
  var extent: array<u32, REDUCED_MOST>;
  var onward: array<u32, OPERANDS>;
  var carry: array<array<u32, OPERANDS>, REDUCED_MOST>;
  var rest = vec2u(lane, lanes);
  for (var axis = 0u; axis < REDUCED; axis++) {
    var own = rest;
    extent[axis] = P.reduced[axis];
    if (axis + 1u < REDUCED) {
      let above = vec2u(quotient(rest.x, extent[axis]), quotient(rest.y, extent[axis]));
      own = rest - above * extent[axis];
      rest = above;
    }
    index[axis] = own.x;
    digit[axis] = own.y;
    for (var k = 1u; k < OPERANDS; k++) {
      let stride = P.operands[k].reduced[axis];
      at[k] += own.x * stride;
      onward[k] += own.y * stride;
      if (axis + 1u < REDUCED) { carry[axis][k] = P.operands[k].reduced[axis + 1u] - extent[axis] * stride; }
    }
  }
  let turns = P.size.y;
  var all = identity();
  for (var block = lane; block < turns; block += BLOCK * lanes) {
    var some = identity();
    let end = min(block + BLOCK * lanes, turns);
    for (var r = block; r < end; r += lanes) {
      some = combine(some, value(at, before));
      for (var k = 1u; k < OPERANDS; k++) { at[k] += onward[k]; }
      for (var axis = 0u; axis + 1u < REDUCED; axis++) {
        index[axis] += digit[axis];
        let ends = index[axis] >= extent[axis];
        index[axis] -= select(0u, extent[axis], ends);
        index[axis + 1u] += u32(ends);
        for (var k = 1u; k < OPERANDS; k++) { at[k] += select(0u, carry[axis][k], ends); }
      }
    }
    all = combine(all, some);
  }
  return all;
}

fn store(o: u32, at: array<u32, OPERANDS>, sum: Value) {
  let finished = finish(sum, at);
  for (var j = 0u; j < RESULTS; j++) { result[P.operands[0].kept[j] + o] = part(finished, j); }
}
