//! Sizes of CPython's object structs, by the names that Cython's types have for them.

use core::mem::size_of;

use crate::layouts as c;

/// The size of a built-in type's objects, which an extension type's fields follow.
#[must_use]
pub fn object_size(name: &str) -> Option<u64> {
    let size = match name {
        "PyObject" => size_of::<c::PyObject>(),
        "PyListObject" => size_of::<c::PyListObject>(),
        "PyDictObject" => size_of::<c::PyDictObject>(),
        "PySetObject" | "PyFrozensetObject" => size_of::<c::PySetObject>(),
        "PyBaseExceptionObject" => size_of::<c::PyBaseExceptionObject>(),
        "PyTupleObject" => size_of::<c::PyTupleObject>(),
        "PyLongObject" => size_of::<c::PyLongObject>(),
        "PyFloatObject" => size_of::<c::PyFloatObject>(),
        "PyComplexObject" => size_of::<c::PyComplexObject>(),
        "PyBytesObject" => size_of::<c::PyBytesObject>(),
        "PyByteArrayObject" => size_of::<c::PyByteArrayObject>(),
        "PyUnicodeObject" => size_of::<c::PyUnicodeObject>(),
        "PySliceObject" => size_of::<c::PySliceObject>(),
        _ => return None,
    };
    Some(size as u64)
}

/// The size by which an imported type is known where it is not that of a struct of this name.
#[must_use]
pub fn imported_size(name: &str) -> Option<u64> {
    let size = match name {
        "PyTypeObject" => size_of::<c::PyHeapTypeObject>(),
        "PyBoolObject" | "PyLongObject" => size_of::<c::PyLongObject>(),
        "PyComplexObject" => size_of::<c::PyComplexObject>(),
        _ => return None,
    };
    Some(size as u64)
}

/// The size of a type object.
#[must_use]
pub fn type_object_size() -> u64 {
    size_of::<c::PyTypeObject>() as u64
}

#[cfg(test)]
mod tests {
    use super::{imported_size, object_size, type_object_size};

    #[test]
    fn sizes_are_those_of_the_headers() {
        assert_eq!(object_size("PyObject"), Some(16));
        assert_eq!(object_size("PyFloatObject"), Some(24));
        assert!(object_size("PyDictObject") > object_size("PyObject"));
        assert_eq!(object_size("NoSuchObject"), None);
        assert!(imported_size("PyTypeObject") > Some(type_object_size()));
    }
}
