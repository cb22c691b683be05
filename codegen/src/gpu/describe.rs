//! What the runtime is told of a module's kernels; the layout is that of `runtime/gpu.c`.

use super::rewrite::{Site, Sites};
use crate::mir::{Global, GlobalId, GlobalInit, Linkage, Module, StructId, Type};

/// The module's record: PTX, its length, exceptions, and a word for the runtime.
pub const RECORD: &str = "gpu.module";

/// Makes the record, and fills in the descriptors of kernels.
pub(super) fn describe(module: &mut Module, kernels: &[usize], sites: &Sites, ptx: &str) {
    let mut text = ptx.as_bytes().to_vec();
    text.push(0);
    let length = text.len() as i128;
    let ptx = constant(
        module,
        "gpu.ptx",
        Type::Int(8),
        text.len(),
        GlobalInit::Bytes(text),
    );
    let site = structure(module, "gpu.site", vec![Type::Ptr, Type::Ptr]);
    let list = sites
        .0
        .iter()
        .map(|site| {
            GlobalInit::List(match site {
                Site::Index => vec![GlobalInit::Zero, GlobalInit::Zero],
                Site::Raise(class, text) => {
                    vec![GlobalInit::Extern(*class), GlobalInit::Global(*text)]
                }
            })
        })
        .collect();
    let count = sites.0.len();
    let sites = constant(
        module,
        "gpu.sites",
        Type::Struct(site),
        count,
        GlobalInit::List(list),
    );
    let name = c_string(module, &module.name.clone());
    let record = structure(
        module,
        "gpu.module",
        vec![
            Type::Ptr,
            Type::Ptr,
            Type::I64,
            Type::Ptr,
            Type::I64,
            Type::Ptr,
        ],
    );
    let record = module.add_global(Global {
        name: RECORD.to_owned(),
        ty: Type::Struct(record),
        init: GlobalInit::List(vec![
            GlobalInit::Global(name),
            GlobalInit::Global(ptx),
            GlobalInit::Int(length),
            GlobalInit::Global(sites),
            GlobalInit::Int(count as i128),
            GlobalInit::Zero,
        ]),
        constant: false,
        linkage: Linkage::Internal,
    });
    for index in kernels {
        let kernel = module.kernels[*index].clone();
        let name = c_string(module, &kernel.name);
        // The first three fields wait for what is known only now.
        if let GlobalInit::List(fields) = &mut module.globals[kernel.descriptor.0 as usize].init {
            fields[0] = GlobalInit::Global(record);
            fields[1] = GlobalInit::Global(name);
            fields[2] = GlobalInit::Function(kernel.function);
        }
    }
}

fn structure(module: &mut Module, name: &str, fields: Vec<Type>) -> StructId {
    module.structure(name, || fields)
}

fn constant(
    module: &mut Module,
    name: &str,
    item: Type,
    count: usize,
    init: GlobalInit,
) -> GlobalId {
    let init = if count == 0 { GlobalInit::Zero } else { init };
    module.add_global(Global {
        name: name.to_owned(),
        ty: Type::Array(Box::new(item), count as u64),
        init,
        constant: true,
        linkage: Linkage::Internal,
    })
}

fn c_string(module: &mut Module, text: &str) -> GlobalId {
    let mut data = text.as_bytes().to_vec();
    data.push(0);
    let name = format!("gpu.text.{}", module.globals.len());
    constant(
        module,
        &name,
        Type::Int(8),
        data.len(),
        GlobalInit::Bytes(data),
    )
}
