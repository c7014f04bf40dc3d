/*
 * files.h - files of the tree, for tests.
 */
#ifndef TESTS_SUPPORT_FILES_H
#define TESTS_SUPPORT_FILES_H

#include "base/arena.h"
#include "base/str.h"

/* The whole file, in the arena and with a NUL behind it; path from the tree's
 * root, or absolute. Fails the test when it cannot be read. */
struct str test_file(struct arena *a, const char *path);

#endif
