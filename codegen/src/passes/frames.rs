//! Describes scope objects to the runtime, once their fields are all known.

use crate::mir::{FrameId, Global, GlobalInit, Linkage, Module, Type};

/// Fills in the descriptor of every kind of scope object: `struct cyl_closure` of the runtime.
pub fn frames(module: &mut Module) {
    for index in 0..module.frames.len() {
        describe(module, FrameId(index as u32));
    }
}

fn describe(module: &mut Module, id: FrameId) {
    let frame = module.frames[id.0 as usize].clone();
    let fields = module.structs[frame.structure.0 as usize].fields.clone();
    let (places, size) = layout(module, &fields);
    let objects: Vec<GlobalInit> = frame
        .objects
        .iter()
        .chain(&frame.slices)
        .map(|field| GlobalInit::Int(i128::from(places[*field as usize])))
        .collect();
    let (count, total) = (frame.objects.len(), objects.len());
    let offsets = if objects.is_empty() {
        GlobalInit::Zero
    } else {
        let id = module.add_global(Global {
            name: format!("frame.objects.{}", id.0),
            ty: Type::Array(Box::new(Type::I32), total as u64),
            init: GlobalInit::List(objects),
            constant: true,
            linkage: Linkage::Internal,
        });
        GlobalInit::Global(id)
    };
    let locks: Vec<_> = fields
        .iter()
        .zip(&places)
        .filter_map(|(field, at)| module.lock_place(field, *at))
        .map(|place| GlobalInit::Int(i128::from(place)))
        .collect();
    let lock_count = locks.len();
    let locks = match lock_count {
        0 => GlobalInit::Zero,
        _ => GlobalInit::Global(module.add_global(Global {
            name: format!("frame.locks.{}", id.0),
            ty: Type::Array(Box::new(Type::I32), lock_count as u64),
            init: GlobalInit::List(locks),
            constant: true,
            linkage: Linkage::Internal,
        })),
    };
    module.globals[frame.descriptor.0 as usize].init = GlobalInit::List(vec![
        GlobalInit::Global(frame.name),
        GlobalInit::Int(i128::from(size)),
        offsets,
        GlobalInit::Int(count as i128),
        GlobalInit::Int(i128::from(frame.keep)),
        GlobalInit::Zero,
        GlobalInit::Int(frame.slices.len() as i128),
        locks,
        GlobalInit::Int(lock_count as i128),
    ]);
}

/// Offsets of the fields and the size of the whole, as C has them on x86-64.
fn layout(module: &Module, fields: &[Type]) -> (Vec<u64>, u64) {
    let mut places = Vec::new();
    let (mut end, mut widest) = (0_u64, 1);
    for field in fields {
        let (size, align) = module.size_align(field);
        end = end.next_multiple_of(align);
        places.push(end);
        end += size;
        widest = widest.max(align);
    }
    (places, end.next_multiple_of(widest))
}
