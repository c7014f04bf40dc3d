/*
 * doc_tables.c - prints a table of the sources as Markdown, for tools/doc-tables.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/setting.h"
#include "model/failure.h"

int
main(int argc, char **argv)
{
    struct buf b;

    buf_init(&b, 1 << 20);
    if (argc == 2 && strcmp(argv[1], "settings") == 0)
        settings_markdown(&b);
    else if (argc == 2 && strcmp(argv[1], "limits") == 0)
        limits_markdown(&b);
    else if (argc == 2 && strcmp(argv[1], "failures") == 0)
        failure_markdown(&b);
    else
        return 2;
    fputs(buf_cstr(&b), stdout);
    buf_free(&b);
    return fflush(stdout) == 0 ? 0 : 1;
}
