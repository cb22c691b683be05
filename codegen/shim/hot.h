// What marks bodies of the run-time library among a module's functions.
#pragma once

// An attribute of functions that were optimised when the library was built.
constexpr const char OPTIMISED[] = "cyl-optimised";
