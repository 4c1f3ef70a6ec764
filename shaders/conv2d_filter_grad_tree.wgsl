// Filter gradient of a convolution of any extents, stride, padding and dilation whose groups have few outputs,
// depthwise ones above all, for adapters of any subgroup size: partial sums over parts of the batch, part by part in
// the result [parts][outputs][channels of a group][K][L]; a fold adds the parts in their order.
//
// Layout: a workgroup owns an output, a channel and a row of L taps and walks over the outputs' pixels of its part, an
// invocation a pixel at a time, so that neighbours load neighbouring pixels: L sums from L + 1 loads. The pixel's place
// goes on by a carry, without a division. In workgroup memory the invocations are added eight by eight, twice, at the
// very end.
// Rate: untimed on a GPU. On a software adapter, by turns on a busy machine, 0.7 to 1.9 times conv2d_filter_grad.wgsl;
// on another, with subgroups of 4, a third of it.
//
// Requires: L at most 8.
//! include "conv_filter_grad_row.wgsl"

const SIZE = 64u;      // MOST by 8

var<workgroup> partial: array<f32, SIZE * MOST>;  // by tap

fn sum_of_eight(n: u32) -> f32 {
  var sum = 0.0;
  for (var i = 0u; i < 8u; i++) { sum += partial[n * 8u + i]; }
  return sum;
}

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let sums = sums_of_row(group, local);
  for (var l = 0u; l < L; l++) { partial[l * SIZE + local] = sums[l]; }
  workgroupBarrier();
  let eight = sum_of_eight(local);
  workgroupBarrier();
  partial[local] = eight;
  workgroupBarrier();
  if (local < L) { result[place_of_row(group) + local] = sum_of_eight(local); }
}
