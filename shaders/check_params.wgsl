// What the checks share. Each has four words of the report: the first element that is wrong, and for comparisons what
// it is and what it should be, as bits. The minimum of integers does not depend on their order, so an atomic is
// deterministic here.
//! include "common.wgsl"

struct Params {
  size: vec4u,    // elements to look at; number of the check; where the elements begin, in a row
}
@group(0) @binding(0) var<uniform> P: Params;
@group(0) @binding(1) var<storage, read_write> report: array<atomic<u32>>;

fn complain(element: u32) { atomicMin(&report[4u * P.size.y], element); }
