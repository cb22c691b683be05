//! The entry of a kernel as LLVM text: where in the grid a thread is, and how a block's threads
//! combine their reductions.

use std::fmt::Write as _;

use crate::mir::{Kernel, Type};

/// Threads of a block where they combine something; a power of two.
pub(super) const BLOCK: u32 = 256;

/// Word of the arguments with the address of the error word, and of the blocks' results.
const ERROR: u32 = 4;
const PARTIALS: u32 = 5;

/// Declarations that every kernel uses.
pub(super) fn declarations() -> String {
    let mut text = String::new();
    for name in ["tid", "ntid", "ctaid", "nctaid"] {
        for axis in ["x", "y", "z"] {
            let _ = writeln!(text, "declare i32 @llvm.nvvm.read.ptx.sreg.{name}.{axis}()");
        }
    }
    text + "declare void @llvm.nvvm.barrier0()\n"
}

/// The entry of one kernel; `function` is the symbol that does the work.
pub(super) fn entry(kernel: &Kernel, function: &str) -> String {
    let (words, state) = (kernel.arguments, kernel.state.max(2));
    let mut text = String::new();
    let name = &kernel.name;
    let _ = writeln!(
        text,
        "declare void @\"{function}\"(ptr, ptr, i64, i64, i64, i64, i64, i64)"
    );
    if !kernel.reductions.is_empty() {
        let _ = writeln!(
            text,
            "@\"{name}.shared\" = internal addrspace(3) global [{BLOCK} x i64] undef, align 8"
        );
    }
    let _ = writeln!(
        text,
        "define ptx_kernel void @\"{name}\"(ptr byval([{words} x i64]) align 8 %args) {{\n\
         entry:\n  \
         %state = alloca [{state} x i64], align 8\n  \
         store i64 0, ptr %state\n  \
         %ep = getelementptr i8, ptr %args, i64 {}\n  \
         %error = load ptr, ptr %ep\n  \
         %es = getelementptr i8, ptr %state, i64 8\n  \
         store ptr %error, ptr %es",
        8 * ERROR
    );
    for axis in ["x", "y", "z"] {
        for name in ["tid", "ntid", "ctaid", "nctaid"] {
            let _ = writeln!(
                text,
                "  %{name}.{axis} = call i32 @llvm.nvvm.read.ptx.sreg.{name}.{axis}()\n  \
                 %{name}.{axis}.w = zext i32 %{name}.{axis} to i64"
            );
        }
        let _ = writeln!(
            text,
            "  %base.{axis} = mul i64 %ctaid.{axis}.w, %ntid.{axis}.w\n  \
             %at.{axis} = add i64 %base.{axis}, %tid.{axis}.w\n  \
             %all.{axis} = mul i64 %nctaid.{axis}.w, %ntid.{axis}.w"
        );
    }
    // The innermost loop lies along x: neighbours in memory are neighbours in a warp.
    let place = match kernel.inner {
        0 => "i64 %at.x, i64 %all.x, i64 0, i64 1, i64 0, i64 1",
        1 => "i64 %at.y, i64 %all.y, i64 %at.x, i64 %all.x, i64 0, i64 1",
        _ => "i64 %at.z, i64 %all.z, i64 %at.y, i64 %all.y, i64 %at.x, i64 %all.x",
    };
    let _ = writeln!(
        text,
        "  call void @\"{function}\"(ptr %args, ptr %state, {place})"
    );
    if kernel.reductions.is_empty() {
        return text + "  ret void\n}\n";
    }
    let _ = writeln!(
        text,
        "  %row = mul i32 %tid.y, %ntid.x\n  %lane = add i32 %row, %tid.x\n  \
         %lane.w = zext i32 %lane to i64\n  \
         %mine = getelementptr i64, ptr addrspace(3) @\"{name}.shared\", i64 %lane.w\n  \
         %leads = icmp eq i32 %lane, 0\n  \
         %deep = mul i64 %ctaid.z.w, %nctaid.y.w\n  %rows = add i64 %deep, %ctaid.y.w\n  \
         %line = mul i64 %rows, %nctaid.x.w\n  %block = add i64 %line, %ctaid.x.w\n  \
         %area = mul i64 %nctaid.x.w, %nctaid.y.w\n  %blocks = mul i64 %area, %nctaid.z.w\n  \
         %pp = getelementptr i8, ptr %args, i64 {}\n  %partials = load ptr, ptr %pp\n  \
         br label %r0",
        8 * PARTIALS
    );
    for (index, (word, ty, operator)) in kernel.reductions.iter().enumerate() {
        reduce(&mut text, index, *word, ty, operator);
    }
    let _ = writeln!(text, "r{}:\n  ret void\n}}", kernel.reductions.len());
    text
}

/// One reduction over the block, in an order that does not change.
fn reduce(text: &mut String, index: usize, word: u32, ty: &Type, operator: &str) {
    let ty_text = match ty {
        Type::F32 => "float".to_owned(),
        Type::Int(bits) => format!("i{bits}"),
        _ => "double".to_owned(),
    };
    let ty = &ty_text;
    let _ = writeln!(
        text,
        "r{index}:\n  %s{index} = getelementptr i8, ptr %state, i64 {}\n  \
         %v{index} = load {ty}, ptr %s{index}\n  \
         store {ty} %v{index}, ptr addrspace(3) %mine\n  \
         call void @llvm.nvvm.barrier0()\n  br label %r{index}.{}",
        8 * word,
        BLOCK / 2
    );
    let mut width = BLOCK / 2;
    while width > 0 {
        let at = format!("{index}.{width}");
        let next = if width > 1 {
            format!("r{index}.{}", width / 2)
        } else {
            format!("r{index}.end")
        };
        let _ = writeln!(
            text,
            "r{at}:\n  %in{at} = icmp ult i32 %lane, {width}\n  \
             br i1 %in{at}, label %do{at}, label %on{at}\n\
             do{at}:\n  %p{at} = getelementptr i64, ptr addrspace(3) %mine, i64 {width}\n  \
             %a{at} = load {ty}, ptr addrspace(3) %mine\n  \
             %b{at} = load {ty}, ptr addrspace(3) %p{at}\n{}  \
             store {ty} %c{at}, ptr addrspace(3) %mine\n  br label %on{at}\n\
             on{at}:\n  call void @llvm.nvvm.barrier0()\n  br label %{next}",
            combine(&at, ty, operator)
        );
        width /= 2;
    }
    let _ = writeln!(
        text,
        "r{index}.end:\n  br i1 %leads, label %w{index}, label %f{index}\n\
         w{index}:\n  %t{index} = load {ty}, ptr addrspace(3) %mine\n  \
         %k{index} = mul i64 %blocks, {index}\n  %o{index} = add i64 %k{index}, %block\n  \
         %q{index} = getelementptr i64, ptr %partials, i64 %o{index}\n  \
         store {ty} %t{index}, ptr %q{index}\n  br label %f{index}\n\
         f{index}:\n  call void @llvm.nvvm.barrier0()\n  br label %r{}",
        index + 1
    );
}

fn combine(at: &str, ty: &str, operator: &str) -> String {
    let float = matches!(ty, "float" | "double");
    let plain = |op: &str| format!("  %c{at} = {op} {ty} %a{at}, %b{at}\n");
    // What is no number gives way.
    let choose = |how: &str| match float {
        true => format!(
            "  %e{at} = fcmp {how} {ty} %b{at}, %a{at}\n  %n{at} = fcmp uno {ty} %a{at}, %a{at}\n  \
             %d{at} = or i1 %e{at}, %n{at}\n  \
             %c{at} = select i1 %d{at}, {ty} %b{at}, {ty} %a{at}\n"
        ),
        false => format!(
            "  %d{at} = icmp {how} {ty} %b{at}, %a{at}\n  \
             %c{at} = select i1 %d{at}, {ty} %b{at}, {ty} %a{at}\n"
        ),
    };
    match (operator, float) {
        ("+" | "-", true) => plain("fadd"),
        ("+" | "-", false) => plain("add"),
        ("*", true) => plain("fmul"),
        ("*", false) => plain("mul"),
        ("&", _) => plain("and"),
        ("|", _) => plain("or"),
        ("max", true) => choose("ogt"),
        ("min", true) => choose("olt"),
        ("max", false) => choose("sgt"),
        ("min", false) => choose("slt"),
        ("umax", _) => choose("ugt"),
        ("umin", _) => choose("ult"),
        _ => plain("xor"),
    }
}
