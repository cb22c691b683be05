//! Ranges of memoryviews (`x[a:b:c]`), as Cython's function has them, without its exceptions.

/// A memoryview slice with room for eight dimensions.
#[repr(C)]
pub struct Slice {
    memview: *mut u8,
    data: *mut u8,
    shape: [i64; 8],
    strides: [i64; 8],
    suboffsets: [i64; 8],
}

unsafe extern "C" {
    fn cyl_gpu_raise(state: *mut i64, site: i32, line: i32, detail: i32);
}

/// One dimension by a range; -1 after a step of zero.
///
/// # Safety
/// `made` is a slice and `state` that of a thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cyl_gpu_range(
    made: *mut Slice,
    shape: i64,
    stride: i64,
    _suboffset: i64,
    _dim: i32,
    new_dim: i32,
    _followed: *mut i32,
    start: i64,
    stop: i64,
    step: i64,
    have_start: i32,
    have_stop: i32,
    have_step: i32,
    _is_slice: i32,
    state: *mut i64,
    site: i32,
    line: i32,
) -> i32 {
    let step = if have_step != 0 { step } else { 1 };
    if step == 0 {
        // SAFETY: see above.
        unsafe { cyl_gpu_raise(state, site, line, 0) };
        return -1;
    }
    let down = step < 0;
    let start = match (have_start != 0, start) {
        (false, _) if down => shape.wrapping_sub(1),
        (false, _) => 0,
        (true, start) if start < 0 => start.wrapping_add(shape).max(0),
        (true, start) if start >= shape && down => shape.wrapping_sub(1),
        (true, start) if start >= shape => shape,
        (true, start) => start,
    };
    let stop = match (have_stop != 0, stop) {
        (false, _) if down => -1,
        (false, _) => shape,
        (true, stop) if stop < 0 => stop.wrapping_add(shape).max(0),
        (true, stop) => stop.min(shape),
    };
    let length = stop.wrapping_sub(start);
    let mut count = length.wrapping_div(step);
    if length.wrapping_sub(step.wrapping_mul(count)) != 0 {
        count = count.wrapping_add(1);
    }
    let at = (new_dim & 7) as usize;
    // SAFETY: see above.
    unsafe {
        (*made).strides[at] = stride.wrapping_mul(step);
        (*made).shape[at] = count.max(0);
        (*made).suboffsets[at] = -1;
        (*made).data = (*made)
            .data
            .wrapping_offset(start.wrapping_mul(stride) as isize);
    }
    0
}
