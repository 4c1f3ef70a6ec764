// reduce.wgsl for adapters with subgroups of one fixed size: a subgroup folds one result, or each of its lanes one of
// its own where there is little to fold, and the lanes are joined by shuffles. No barrier and no workgroup memory.
//
// Layout: a workgroup is one subgroup, so that few results still keep all cores busy; many results are taken in turns.
// The lanes are folded by halves, lane l with lane l + half: an order that never varies.
// Rate: by vec4 14 GB/s on a software adapter of two cores (a batch-norm variance over 4 MB); a small fold takes a half
// to a fifth of reduce.wgsl's time.
//
// Requires: S is a power of two.
enable subgroups;
//! include "fold.wgsl"

override S = 8u;  // subgroup size

@compute @workgroup_size(S)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u) {
  nothing = P.operands[0].reduced.xyz;
  let lanes = P.size.z;  // 1 or S
  let together = lanes > 1u;
  let each = select(S, 1u, together);
  for (var first = group.x * each; first < P.size.x; first += groups.x * each) {
    let o = first + select(lane, 0u, together);
    let at = start(min(o, P.size.x - 1u));
    var sum = folded(at, select(0u, lane, together), lanes);
    if (together) {
      for (var half = S >> 1u; half > 0u; half >>= 1u) { sum = combine(sum, subgroupShuffleXor(sum, half)); }
    }
    if (o < P.size.x && (lane == 0u || !together)) { store(o, at, sum); }
  }
}
