/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.h - other programs, run with a bound of time, and stopped by a signal to this one.
 *
 * Each is the leader of a process group of its own: a key that interrupts reaches this
 * program alone, which then ends them and tidies up.
 */
#ifndef BRIG_COMPARE_EXEC_H
#define BRIG_COMPARE_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

/* Words as execve(2) and strv_add_all() take them; they live as long as the block. */
#define WORDS(...) ((char *const *)(uintptr_t)(const char *const[]){ __VA_ARGS__, NULL })

/* From now on SIGINT, SIGTERM and SIGHUP are noted, and end what runs. */
void exec_catch_signals(void);
bool exec_interrupted(void);
/* Tidying up goes on all the same. */
void exec_ignore_signals(void);

/*
 * Run it in 'cwd' with nothing to read; what it writes goes to 'out' and 'said' (NULL: nowhere).
 * Returns its exit status (128+n after a signal), -EINTR, -ETIMEDOUT, or why it can't be started.
 */
int exec_run(char *const *argv, const char *cwd, unsigned seconds, struct buf *out,
	struct buf *said);

/* Start it and leave it; it dies with this process. Its pid, or -errno. */
pid_t exec_spawn(char *const *argv, const char *cwd);
void exec_kill(pid_t pid);

/* Is there such a program on PATH? */
bool exec_have(const char *program);

#endif
