/*
 * log.h - one event, one line, to stderr.
 *
 *     log_info("job", "finished", "ms=%d", ms);
 *
 * text: 12:00:01.123 INFO  worker job.finished job=job_01... ms=5
 * json: {"ts":"2026-01-02T03:04:05.678Z","level":"info","role":"worker",
 *        "event":"job.finished","job":"job_01...","msg":"ms=5"}
 *
 * The job id is set once per thread and stands on each line. Registered
 * secrets are replaced by *** in every line, whatever wrote them, percent- or
 * JSON-escaped forms included (P10). A line is at most 4 KiB; control bytes
 * are escaped. Safe from any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* role is borrowed for ever. */
void log_init(const char *role, enum log_level level, bool json);
/* Remembers a secret to be masked; those under 6 bytes are ignored. */
void log_secret(const char *secret);
/* Replaces registered secrets in text, in place (P10: pages, error texts). */
void log_redact(char *text);
void log_job_set(const char *job_id); /* NULL or "" = none; this thread */
bool log_level_parse(const char *name, enum log_level *out);
void log_set_fd(int fd); /* tests; default 2 */

void log_event(enum log_level level, const char *area, const char *event,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define log_debug(area, event, ...) log_event(LOG_DEBUG, area, event, __VA_ARGS__)
#define log_info(area, event, ...) log_event(LOG_INFO, area, event, __VA_ARGS__)
#define log_warn(area, event, ...) log_event(LOG_WARN, area, event, __VA_ARGS__)
#define log_error(area, event, ...) log_event(LOG_ERROR, area, event, __VA_ARGS__)

#endif
