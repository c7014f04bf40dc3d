/*
 * sandbox.c - `tintype sandbox telegram|comfy`.
 */
#include <stdio.h>
#include <string.h>
#include "cmd/cmd.h"
#include "sandbox/sandbox.h"

int
cmd_sandbox(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "telegram") == 0)
        return sandbox_telegram_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "comfy") == 0)
        return sandbox_comfy_main(argc - 1, argv + 1);
    fprintf(stderr, "usage: tintype sandbox telegram|comfy [--listen "
                    "HOST:PORT] [--dir DIR] ...\n");
    return 2;
}
