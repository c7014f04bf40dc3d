/*
 * sqlite_fault.c - a layer over SQLite's own file layer that can fail.
 */
#include "tests/support/sqlite_fault.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int armed;
static atomic_long left;
static atomic_int hit;
static sqlite3_vfs *below;

/* The real file stands behind this one in the same memory. */
struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
};

#define REAL(f) (((struct fault_file *)(void *)(f))->real)

static int
fails(enum sqlite_fault a, enum sqlite_fault b)
{
    int now = atomic_load(&armed);

    if (now != (int)a && now != (int)b)
        return 0;
    if (atomic_fetch_sub(&left, 1) > 1)
        return 0;
    atomic_store(&hit, 1);
    return 1;
}

static int
f_close(sqlite3_file *f)
{
    return REAL(f)->pMethods->xClose(REAL(f));
}

static int
f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static int
f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (fails(FAULT_WRITE_FULL, FAULT_WRITE_IO))
        return atomic_load(&armed) == FAULT_WRITE_FULL ? SQLITE_FULL
                                                       : SQLITE_IOERR_WRITE;
    return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}

static int
f_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return REAL(f)->pMethods->xTruncate(REAL(f), n);
}

static int
f_sync(sqlite3_file *f, int flags)
{
    if (fails(FAULT_SYNC_IO, FAULT_SYNC_IO))
        return SQLITE_IOERR_FSYNC;
    return REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int
f_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), n);
}

static int
f_lock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int
f_unlock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int
f_check(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int
f_control(sqlite3_file *f, int op, void *p)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, p);
}

static int
f_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int
f_character(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int
f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out);
}

static int
f_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}

static void
f_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int
f_shm_unmap(sqlite3_file *f, int del)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), del);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_character,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int
fault_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
           int *out)
{
    struct fault_file *ff = (struct fault_file *)(void *)f;
    int rc;

    (void)v;
    ff->real = (sqlite3_file *)(void *)(ff + 1);
    rc = below->xOpen(below, name, ff->real, flags, out);
    ff->base.pMethods = ff->real->pMethods != NULL ? &methods : NULL;
    return rc;
}

void
sqlite_fault_install(void)
{
    static sqlite3_vfs vfs;

    if (below != NULL)
        return;
    sqlite3_initialize();
    below = sqlite3_vfs_find(NULL);
    vfs = *below;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct fault_file) + below->szOsFile;
    vfs.xOpen = fault_open;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
        abort();
}

void
sqlite_fault_arm(enum sqlite_fault fault, long k)
{
    atomic_store(&hit, 0);
    atomic_store(&left, k);
    atomic_store(&armed, (int)fault);
}

int
sqlite_fault_hit(void)
{
    return atomic_load(&hit);
}
