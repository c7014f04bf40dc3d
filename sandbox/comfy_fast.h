/*
 * comfy_fast.h - include it first in files that loop over millions of floats:
 * GCC 12 vectorises such loops at -O3 only, and the release is -O2 (three
 * times slower here).
 */
#ifndef SANDBOX_COMFY_FAST_H
#define SANDBOX_COMFY_FAST_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif

#endif
