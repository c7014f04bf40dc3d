/*
 * servers.h - private folders, PostgreSQL and Redis servers for tests.
 *
 * Whatever is started here ends with the test program, however that ends: the
 * kernel signals the servers (PR_SET_PDEATHSIG), and a small process beside
 * each folder removes it. Start them from the main thread, for the signal is
 * tied to the thread that started them. What goes wrong ends the program with
 * a sentence; nothing waits longer than SERVER_WAIT_MS.
 */
#ifndef TESTS_SUPPORT_SERVERS_H
#define TESTS_SUPPORT_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SERVER_WAIT_MS 30000

/* A fresh folder, mode 0700; at most 32 bytes long, so that sockets fit. */
struct tmp_dir {
    char path[32];
    pid_t keeper;
    int alive_fd;
};
void tmp_dir_make(struct tmp_dir *d);
void tmp_dir_remove(struct tmp_dir *d); /* with all that is in it */
/* "<folder>/<name>", as text of the caller. */
void tmp_dir_file(const struct tmp_dir *d, const char *name, char *out,
                  size_t cap);

/* A TCP port of loopback that was free just now. */
int free_port(void);

/* Starts argv (found by PATH) with output to log_path; it dies with us. uid 0
 * keeps the user. */
pid_t server_spawn(const char *const argv[], const char *log_path, uid_t uid,
                   gid_t gid);
/* Runs a program to its end; its exit status. */
int server_run(const char *const argv[], const char *log_path, uid_t uid,
               gid_t gid);
void server_signal_wait(pid_t pid, int sig); /* until it has ended */

/* A cluster on a unix socket, fsync on; when we are root it runs as the user
 * postgres. */
struct pg_server {
    struct tmp_dir dir;
    char bin[64];
    uid_t uid;
    gid_t gid;
    pid_t pid;
    int databases;
};
void pg_server_start(struct pg_server *s);
void pg_server_stop(struct pg_server *s);  /* and removes it */
void pg_server_kill(struct pg_server *s);  /* SIGQUIT: as after power loss */
void pg_server_again(struct pg_server *s); /* starts the killed one */
/* A new empty database; its DATABASE_URL. */
void pg_server_database(struct pg_server *s, char *url, size_t cap);
/* Runs SQL by psql; false when it failed. */
bool pg_server_psql(struct pg_server *s, const char *url, const char *sql);

/* A Redis on a unix socket, and on a port of loopback when port is not 0;
 * with an append-only file, so that a restart keeps its data. */
struct redis_server {
    struct tmp_dir dir;
    char socket[64];
    char password[64]; /* "": none */
    int port;
    pid_t pid;
};
void redis_server_start(struct redis_server *s, const char *password, int port);
void redis_server_stop(struct redis_server *s);
void redis_server_kill(struct redis_server *s); /* SIGKILL */
void redis_server_again(struct redis_server *s);

#endif
