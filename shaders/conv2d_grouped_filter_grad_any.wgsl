// Filter gradient of a grouped convolution of any extents, stride, padding and dilation, depthwise ones above all, for
// adapters with subgroups of one fixed size: partial sums over parts of the batch, part by part in the result
// [parts][outputs][channels of a group][K][L]; a fold adds the parts in their order.
//
// Layout: a workgroup is one subgroup; it owns an output, a channel and a row of L taps and walks over the outputs'
// pixels of its part, a lane a pixel at a time: L sums from L + 1 loads. The pixel's place goes on by a carry, without
// a division. The lanes are added at the very end.
// Rate: by turns on a busy machine, 2 times conv2d_filter_grad.wgsl.
//
// Requires: S >= 8, L at most 8. What is beyond the last image is left out.
enable subgroups;
//! include "conv_filter_grad_row.wgsl"

override S = 8u;       // subgroup size

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let sums = sums_of_row(group, lane);
  var mine = 0.0;
  for (var l = 0u; l < L; l++) {
    let sum = subgroupAdd(sums[l]);
    if (lane == l) { mine = sum; }
  }
  if (lane < L) { result[place_of_row(group) + lane] = mine; }
}
