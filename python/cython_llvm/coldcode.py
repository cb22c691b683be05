"""Names of what Cython generates besides the user's code and runs once, or only for introspection.

Modules that are loaded into the running process have these compiled quickly instead of well (where
they have no loop): that is where most of the time of a small module's compilation went.  Shared
libraries that are written for keeps are optimised throughout.
"""

PREFIXES = [
    # Start-up, from Cython's ModuleNode.
    "__pyx_pymod_",
    "__Pyx_modinit_",
    "__Pyx_Init",
    "__Pyx_CreateCodeObjects",
    "__Pyx_CreateStringTab",
    "__Pyx_check_binary_version",
    "__Pyx_PyCode_New",
    "__Pyx_CheckBinaryVersion",
    "__Pyx_FetchCommonType",
    "__Pyx_VerifyCachedType",
    "__Pyx_ImportType",
    "__Pyx_ImportFunction",
    "__Pyx_ExportFunction",
    "__Pyx_setup_reduce",
    "__Pyx_SetVtable",
    "__Pyx_MergeVtables",
    "__Pyx_PyType_Ready",
    "__Pyx_validate_bases_tuple",
    # Attributes of functions and generators that only tools look at.
    "__Pyx_CyFunction_get_",
    "__Pyx_CyFunction_set_",
    "__Pyx_CyFunction_annotate",
    "__Pyx_CyFunction_init_defaults",
    "__Pyx_CyFunction_reduce",
    "__Pyx_CyFunction_repr",
    "__Pyx_CyFunction_traverse",
    "__Pyx__CyFunction_clear",
    "__Pyx_CyFunction_clear",
    "__Pyx_Coroutine_get_",
    "__Pyx_Coroutine_set_",
    # Wrong calls.
    "__Pyx_RaiseArgtupleInvalid",
    "__Pyx_RaiseDoubleKeywords",
    "__Pyx_RejectUnknownKeyword",
    "__Pyx_ValidateDuplicatePosArgs",
]
