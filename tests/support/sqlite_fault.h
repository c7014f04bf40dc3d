/*
 * sqlite_fault.h - a disk that fails on demand, below SQLite.
 *
 * Becomes SQLite's default for files opened from then on; until armed it only
 * passes calls on. Safe from any thread.
 */
#ifndef TESTS_SUPPORT_SQLITE_FAULT_H
#define TESTS_SUPPORT_SQLITE_FAULT_H

enum sqlite_fault {
    FAULT_NONE,
    FAULT_WRITE_FULL, /* no space left */
    FAULT_WRITE_IO,
    FAULT_SYNC_IO
};

void sqlite_fault_install(void);
/* The k-th call of that kind from now (1 = next) and all later ones fail,
 * until FAULT_NONE. */
void sqlite_fault_arm(enum sqlite_fault fault, long k);
/* Whether a call failed since it was armed. */
int sqlite_fault_hit(void);

#endif
